using System.Text;
using System.Text.Json.Nodes;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>Other ways to write the same tokenizer give the same tokens.</summary>
public class TokenizerVariantTests
{
    private static readonly TokenizerGolden Golden = TokenizerGolden.Read();

    [Fact]
    public void Encode_MergesAsPairs_GivesGoldenIds()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        JsonArray pairs = [];
        foreach (JsonNode? merge in json["model"]!["merges"]!.AsArray())
            pairs.Add(new JsonArray([.. merge!.GetValue<string>().Split(' ').Select(part => JsonValue.Create(part))]));
        json["model"]!["merges"] = pairs;
        AssertGolden(TokenizerFolder.Load(json));
    }

    [Fact]
    public void Encode_RemovedInverted_GivesGoldenIds() => AssertGolden(TokenizerFolder.WithPattern(Golden.Pattern, "Removed", invert: true));

    [Fact]
    public void Encode_RegexInsteadOfScan_GivesGoldenIds() => AssertGolden(TokenizerFolder.WithPattern($"(?:{Golden.Pattern})"));

    [Fact]
    public void Encode_IgnoreMerges_TakesWholeTokensFirst()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        json["model"]!["ignore_merges"] = true;
        json["model"]!["vocab"]!["qqqq"] = 2047;
        Tokenizer tokenizer = TokenizerFolder.Load(json);
        AssertGolden(tokenizer);
        Assert.Equal([2047], tokenizer.Encode("qqqq"));
        json["model"]!["ignore_merges"] = false;
        Assert.Equal(4, TokenizerFolder.Load(json).Encode("qqqq").Length);
    }

    [Fact]
    public void Encode_TiktokenFileOfTheTinyVocabulary_GivesGoldenIds()
    {
        using TemporaryDirectory folder = new();
        WriteTiktoken(folder["tiny.tiktoken"], "\n");
        File.Copy(Path.Combine(RepositoryPaths.TinyModel, "tokenizer_config.json"), folder["tokenizer_config.json"]);
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        AssertGolden(tokenizer);
        Assert.Equal(Golden.Special, tokenizer.SpecialTokens);
        Assert.Equal(2030, tokenizer.EosToken);
    }

    [Fact]
    public void Encode_TiktokenFileAlone_HasNoSpecialTokens()
    {
        using TemporaryDirectory folder = new();
        WriteTiktoken(folder["tiny.tiktoken"], "\r\n");
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        Assert.Empty(tokenizer.SpecialTokens);
        Assert.Equal(2030, tokenizer.VocabularySize);
        Assert.Equal(Golden.Encode.Single(golden => golden.Text == "Hello, world!").Ids, tokenizer.Encode("Hello, world!"));
    }

    [Fact]
    public void Encode_TiktokenFileWithPattern_UsesIt()
    {
        using TemporaryDirectory folder = new();
        WriteTiktoken(folder["tiny.tiktoken"], "\n");
        File.WriteAllText(folder["tokenizer_config.json"], """{"pat_str":"\\p{N}|[^\\p{N}]+"}""");
        Assert.Equal(["a b", "1", "2"], Tokenizer.Load(folder.Root).Pieces("a b12"));
    }

    [Fact]
    public void Encode_AddedTokensWithFlags_TakeTheTextTheyShould()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        JsonArray added = json["added_tokens"]!.AsArray();
        added.Add(JsonNode.Parse("""{"id":2040,"content":"<L>","lstrip":true,"special":true}"""));
        added.Add(JsonNode.Parse("""{"id":2041,"content":"<R>","rstrip":true,"special":true}"""));
        added.Add(JsonNode.Parse("""{"id":2042,"content":"blorp","single_word":true,"special":false}"""));
        added.Add(JsonNode.Parse("""{"id":2043,"content":"<L><R>","special":true}"""));
        Tokenizer tokenizer = TokenizerFolder.Load(json);
        Assert.Equal([64, 2040, 275], tokenizer.Encode("a \n <L> b"));
        Assert.Equal([64, 220, 2041, 65], tokenizer.Encode("a <R> \n b"));
        Assert.Equal([2043], tokenizer.Encode("<L><R>"));
        Assert.Equal([2042, 12, 2042], tokenizer.Encode("blorp-blorp"));
        Assert.DoesNotContain(2042, tokenizer.Encode("blorps sblorp _blorp"));
        Assert.Equal([2042], tokenizer.Encode("blorp", parseSpecialTokens: false));
        Assert.DoesNotContain(2040, tokenizer.Encode("<L>", parseSpecialTokens: false));
    }

    [Fact]
    public void Decode_AddedTokenOfNonLatinText_IsThatText()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        json["added_tokens"]!.AsArray().Add(JsonNode.Parse("""{"id":2040,"content":"é ▁😀","special":false}"""));
        Tokenizer tokenizer = TokenizerFolder.Load(json);
        Assert.Equal([2040], tokenizer.Encode("é ▁😀"));
        Assert.Equal("é ▁😀", tokenizer.Decode([2040]));
    }

    [Fact]
    public void Load_TokensOnlyInTheConfig_AreAdded()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        json["added_tokens"] = new JsonArray();
        Tokenizer tokenizer = TokenizerFolder.Load(json, File.ReadAllText(Path.Combine(RepositoryPaths.TinyModel, "tokenizer_config.json")));
        AssertGolden(tokenizer);
        Assert.Equal(Golden.Special, tokenizer.SpecialTokens);
    }

    private static void AssertGolden(Tokenizer tokenizer) =>
        Assert.All(Golden.Encode, golden => Assert.Equal(golden.Ids, tokenizer.Encode(golden.Text)));

    /// <summary>Rank = id: the tiny vocabulary has the bytes first and then the merges' results in order.</summary>
    private static void WriteTiktoken(string path, string lineEnd)
    {
        var lines = new StringBuilder();
        foreach ((string letters, JsonNode? id) in TokenizerFolder.TinyJson()["model"]!["vocab"]!.AsObject())
            lines.Append(Convert.ToBase64String(letters.Select(ByteOf).ToArray())).Append(' ').Append(id!.GetValue<int>()).Append(lineEnd);
        File.WriteAllText(path, lines.ToString());
    }

    private static byte ByteOf(char letter)
    {
        if (letter < 0x100)
            return (byte)letter;
        int[] unprintable = [.. Enumerable.Range(0, 0x21), .. Enumerable.Range(0x7F, 0x22), 0xAD];
        return (byte)unprintable[letter - 0x100];
    }
}
