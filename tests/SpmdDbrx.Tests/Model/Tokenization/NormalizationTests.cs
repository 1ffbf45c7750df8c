using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>A tokenizer whose file asks for NFC, with a pattern that leaves the text whole, shows the normalized text as its one piece.</summary>
public class NormalizationTests
{
    private static readonly Tokenizer Tokenizer = LoadNormalizing();

    [Fact]
    public void Pieces_RandomMarksAndSyllables_AreNormalizedAsByTheReference()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(RepositoryPaths.Golden("nfc.golden.json")));
        foreach (JsonElement example in golden.RootElement.GetProperty("cases").EnumerateArray())
            Assert.Equal(example[1].GetString(), string.Concat(Tokenizer.Pieces(example[0].GetString()!)));
    }

    [Fact]
    public void Encode_DecomposedText_GivesTheIdsOfTheComposed()
    {
        Assert.Equal(Tokenizer.Encode("café 각"), Tokenizer.Encode("cafe\u0301 \u1100\u1161\u11A8"));
        Assert.Equal("café", Tokenizer.Decode(Tokenizer.Encode("cafe\u0301")));
        Assert.Equal("\uFFFD\u0300", Tokenizer.Decode(Tokenizer.Encode("\uD83D\u0300")));
    }

    [Fact]
    public void Encode_MegabyteOfMarksInWrongOrder_TakesSeconds()
    {
        string text = string.Concat(Enumerable.Repeat("\u0345\u0315\u0300\u0334", 250_000));
        var watch = Stopwatch.StartNew();
        Assert.Equal(2 * text.Length, System.Text.Encoding.UTF8.GetByteCount(Tokenizer.Decode(Tokenizer.Encode(text))));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"took {watch.Elapsed}");
    }

    private static Tokenizer LoadNormalizing()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        json["normalizer"] = JsonNode.Parse("""{"type":"NFC"}""");
        json["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = @"[\s\S]+";
        return TokenizerFolder.Load(json);
    }
}
