using System.Globalization;
using System.Text.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>What tokenizer_config.json says about the tokens; every field may be absent, as may the file.</summary>
internal sealed record TokenizerConfig
{
    /// <summary>added_tokens_decoder.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>bos_token.</summary>
    public string? BosToken { get; init; }

    /// <summary>eos_token.</summary>
    public string? EosToken { get; init; }

    /// <summary>pad_token.</summary>
    public string? PadToken { get; init; }

    /// <summary>Reads the file of a model directory.</summary>
    /// <exception cref="InvalidModelException">A field has the wrong type.</exception>
    public static TokenizerConfig Read(string path)
    {
        if (!File.Exists(path))
            return new TokenizerConfig();
        using JsonDocument document = JsonFile.Open(path, out JsonField root);
        return new TokenizerConfig
        {
            AddedTokens = root.Optional("added_tokens_decoder")?.Properties()
                .Select(entry => TokenizerJson.ReadAddedToken(entry.Value, ParseId(entry.Key, entry.Value))).ToList() ?? [],
            BosToken = TokenText(root.Optional("bos_token")),
            EosToken = TokenText(root.Optional("eos_token")),
            PadToken = TokenText(root.Optional("pad_token")),
        };
    }

    private static int ParseId(string text, JsonField entry) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < BytePairModel.MaximumVocabularySize
            ? id
            : throw entry.Error($"a name that is an id below {BytePairModel.MaximumVocabularySize}");

    /// <summary>A token is written as its text or as an object with its content.</summary>
    private static string? TokenText(JsonField? token) =>
        token is not { } field ? null : field.IsObject ? field.Required("content").Text() : field.Text();
}
