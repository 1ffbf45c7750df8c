using System.Text.Json;
using System.Text.Json.Serialization;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>The reference's answers for the tiny model (tests/golden/tiny-dbrx.tokenizer.golden.json).</summary>
internal sealed record TokenizerGolden(
    [property: JsonPropertyName("pattern")] string Pattern,
    [property: JsonPropertyName("special")] Dictionary<string, int> Special,
    [property: JsonPropertyName("encode")] IReadOnlyList<TokenizerGolden.EncodeCase> Encode,
    [property: JsonPropertyName("decode")] IReadOnlyList<TokenizerGolden.DecodeCase> Decode,
    [property: JsonPropertyName("chat")] IReadOnlyList<TokenizerGolden.ChatCase> Chat,
    [property: JsonPropertyName("official_template_sha256")] TokenizerGolden.OfficialTemplate Official)
{
    public static TokenizerGolden Read() =>
        JsonSerializer.Deserialize<TokenizerGolden>(File.ReadAllText(RepositoryPaths.Golden("tiny-dbrx.tokenizer.golden.json")))!;

    internal sealed record EncodeCase(
        [property: JsonPropertyName("text")] string Text,
        [property: JsonPropertyName("ids")] int[] Ids,
        [property: JsonPropertyName("pieces")] string[]? Pieces);

    internal sealed record DecodeCase(
        [property: JsonPropertyName("ids")] int[] Ids,
        [property: JsonPropertyName("text")] string Text,
        [property: JsonPropertyName("text_skip_special")] string? TextSkipSpecial);

    internal sealed record ChatCase(
        [property: JsonPropertyName("messages")] IReadOnlyList<Message> Messages,
        [property: JsonPropertyName("add_generation_prompt")] bool AddGenerationPrompt,
        [property: JsonPropertyName("text")] string Text,
        [property: JsonPropertyName("ids")] int[] Ids);

    internal sealed record Message(
        [property: JsonPropertyName("role")] string Role,
        [property: JsonPropertyName("content")] string Content);

    internal sealed record OfficialTemplate([property: JsonPropertyName("values")] string[] Hashes);
}
