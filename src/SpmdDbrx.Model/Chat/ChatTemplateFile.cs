using System.Text;
using System.Text.Json;
using SpmdDbrx.Model.Json;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Model.Chat;

/// <summary>A model directory's chat template as it is written.</summary>
/// <param name="Name">File and field, for messages.</param>
/// <param name="Source">The Jinja source; null if there is none.</param>
internal sealed record ChatTemplateFile(string Name, string? Source)
{
    /// <summary>chat_template.jinja, else chat_template in tokenizer_config.json; of several the one named "default".</summary>
    /// <exception cref="InvalidModelException">A field has the wrong type, or several templates and none is the default.</exception>
    public static ChatTemplateFile Read(string modelDirectory)
    {
        string path = Path.Combine(modelDirectory, "chat_template.jinja");
        if (File.Exists(path))
            return new ChatTemplateFile(path, Encoding.UTF8.GetString(JsonFile.ReadBytes(path)));
        string configPath = Path.Combine(modelDirectory, TokenizerConfig.FileName);
        return new ChatTemplateFile($"{configPath}: chat_template", File.Exists(configPath) ? Select(JsonFile.ReadObject(configPath)) : null);
    }

    private static string? Select(JsonFields config)
    {
        if (config.Value("chat_template") is not { ValueKind: JsonValueKind.Array })
            return config.Text("chat_template");
        foreach (JsonFields named in config.Objects("chat_template"))
        {
            if (named.RequiredText("name") == "default")
                return named.RequiredText("template");
        }
        throw config.Wrong("chat_template", "a template, or a list with one named \"default\"");
    }
}
