using System.Globalization;
using System.Text.Json;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>What tokenizer_config.json says about the tokens; every field may be absent, as may the file.</summary>
internal sealed record TokenizerConfig
{
    public const string FileName = "tokenizer_config.json";

    private static readonly string[] TokenNames = ["bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"];

    /// <summary>added_tokens_decoder.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Texts of the tokens with a role, by name: bos_token, eos_token, pad_token, …</summary>
    public IReadOnlyDictionary<string, string> NamedTokens { get; init; } = new Dictionary<string, string>();

    /// <summary>Pre-tokenizer pattern for a .tiktoken file (pat_str, as tiktoken calls it).</summary>
    public string? Pattern { get; init; }

    /// <summary>Reads the file of a model directory.</summary>
    /// <exception cref="InvalidModelException">No JSON, or a field has the wrong type.</exception>
    public static TokenizerConfig Read(string modelDirectory)
    {
        string path = Path.Combine(modelDirectory, FileName);
        if (!File.Exists(path))
            return new TokenizerConfig();
        JsonFields root = JsonFile.ReadObject(path);
        return new TokenizerConfig
        {
            AddedTokens = root.Object("added_tokens_decoder") is { } tokens ? ReadAddedTokens(tokens) : [],
            NamedTokens = TokenNames.Where(name => root.Value(name) is not null).ToDictionary(name => name, name => TokenText(root, name)),
            Pattern = root.Text("pat_str"),
        };
    }

    private static List<AddedToken> ReadAddedTokens(JsonFields tokens)
    {
        List<AddedToken> result = [];
        foreach (string name in tokens.Element.EnumerateObject().Select(property => property.Name))
        {
            bool isId = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < BytePairModel.MaximumVocabularySize;
            if (!isId)
                throw new InvalidModelException($"{tokens.Source}: added_tokens_decoder: expected ids below {BytePairModel.MaximumVocabularySize} as names, found {QuotedText.Of(name)}");
            result.Add(AddedToken.Read(tokens.RequiredObject(name), id));
        }
        return result;
    }

    /// <summary>A token is written as its text or as an object with its content.</summary>
    private static string TokenText(JsonFields root, string name) =>
        root.Value(name) is { ValueKind: JsonValueKind.Object } ? root.RequiredObject(name).RequiredText("content") : root.RequiredText(name);
}
