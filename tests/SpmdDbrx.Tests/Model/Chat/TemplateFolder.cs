using System.Text.Json;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Tests.Model.Chat;

/// <summary>A model directory of tokenizer files only, gone after the test.</summary>
internal static class TemplateFolder
{
    /// <summary>Writes tokenizer_config.json with a chat template and &lt;s&gt;, &lt;/s&gt; as its tokens.</summary>
    public static void WriteTemplate(this TemporaryDirectory folder, string template) => folder.WriteTemplate(JsonValue.Create(template));

    /// <summary>The same with any JSON as chat_template.</summary>
    public static void WriteTemplate(this TemporaryDirectory folder, JsonNode? template) =>
        File.WriteAllText(folder["tokenizer_config.json"], JsonSerializer.Serialize(
            new JsonObject { ["bos_token"] = "<s>", ["eos_token"] = new JsonObject { ["content"] = "</s>" }, ["chat_template"] = template }));
}
