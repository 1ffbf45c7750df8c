using System.Text.Json;
using System.Text.Json.Serialization;

namespace SpmdDbrx.Tests.Model.Chat;

/// <summary>What Jinja2 itself renders (tests/golden/chat-template.golden.json).</summary>
internal sealed record ChatTemplateGolden([property: JsonPropertyName("cases")] IReadOnlyList<ChatTemplateGolden.Case> Cases)
{
    public static ChatTemplateGolden Read() =>
        JsonSerializer.Deserialize<ChatTemplateGolden>(File.ReadAllText(RepositoryPaths.Golden("chat-template.golden.json")))!;

    internal sealed record Case(
        [property: JsonPropertyName("name")] string Name,
        [property: JsonPropertyName("template")] string Template,
        [property: JsonPropertyName("messages")] IReadOnlyList<Message> Messages,
        [property: JsonPropertyName("add_generation_prompt")] bool AddGenerationPrompt,
        [property: JsonPropertyName("text")] string? Text,
        [property: JsonPropertyName("refusal")] string? Refusal);

    internal sealed record Message(
        [property: JsonPropertyName("role")] string Role,
        [property: JsonPropertyName("content")] string Content);
}
