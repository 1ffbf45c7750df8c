using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>Model directories that hold a changed copy of the tiny model's tokenizer.</summary>
internal static class TokenizerFolder
{
    /// <summary>The tiny model's tokenizer.json, to be changed.</summary>
    public static JsonObject TinyJson() =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(RepositoryPaths.TinyModel, "tokenizer.json")))!.AsObject();

    /// <summary>Loads a tokenizer.json.</summary>
    public static Tokenizer Load(JsonObject tokenizerJson, string? config = null) => Load(tokenizerJson.ToJsonString(), config);

    /// <summary>Loads the text of a tokenizer.json, and of a tokenizer_config.json.</summary>
    public static Tokenizer Load(string tokenizerJson, string? config = null)
    {
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["tokenizer.json"], tokenizerJson);
        if (config is not null)
            File.WriteAllText(folder["tokenizer_config.json"], config);
        return Tokenizer.Load(folder.Root);
    }

    /// <summary>The message with which a tokenizer.json is refused.</summary>
    public static string LoadError(string tokenizerJson, string? config = null) =>
        Assert.Throws<InvalidModelException>(() => Load(tokenizerJson, config)).Message;

    /// <summary>The tiny tokenizer with another pre-tokenizer pattern.</summary>
    public static Tokenizer WithPattern(string pattern, string behavior = "Isolated", bool invert = false)
    {
        JsonObject json = TinyJson();
        JsonNode split = json["pre_tokenizer"]!["pretokenizers"]![0]!;
        split["pattern"]!["Regex"] = pattern;
        split["behavior"] = behavior;
        split["invert"] = invert;
        return Load(json);
    }
}
