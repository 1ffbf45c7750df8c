using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

public class PreTokenizerTests
{
    private const string DbrxPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly JsonDocument Golden =
        JsonDocument.Parse(File.ReadAllText(RepositoryPaths.Golden("pre-tokenizer.golden.json")));

    public static TheoryData<string> Patterns =>
        [.. Golden.RootElement.GetProperty("patterns").EnumerateArray().Select(pattern => pattern.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Pieces_RandomTexts_AreThoseOfTheReferenceEngine(string name)
    {
        JsonElement golden = Golden.RootElement.GetProperty("patterns").EnumerateArray().Single(pattern => pattern.GetProperty("name").GetString() == name);
        Tokenizer tokenizer = TokenizerFolder.WithPattern(golden.GetProperty("pattern").GetString()!);
        foreach ((JsonElement text, JsonElement pieces) in Golden.RootElement.GetProperty("texts").EnumerateArray().Zip(golden.GetProperty("pieces").EnumerateArray()))
        {
            int[] expected = pieces.EnumerateArray().Select(length => length.GetInt32()).ToArray();
            IReadOnlyList<string> found = tokenizer.Pieces(text.GetString()!);
            Assert.True(expected.SequenceEqual(found.Select(piece => piece.Length)), $"{text.GetRawText()}: expected lengths {string.Join(' ', expected)}, found {JsonSerializer.Serialize(found)}");
            Assert.Equal(text.GetString(), string.Concat(found));
        }
    }

    /// <summary>A group around a known pattern hides it from recognition, so the regular expression engine checks the scans.</summary>
    [Theory]
    [InlineData(DbrxPattern)]
    [InlineData(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    [InlineData(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    public void Pieces_ScanAndRegex_AgreeOnRandomText(string pattern)
    {
        Tokenizer scan = TokenizerFolder.WithPattern(pattern);
        Tokenizer regex = TokenizerFolder.WithPattern($"(?:{pattern})");
        var random = new RandomText(1);
        for (int i = 0; i < 2000; i++)
        {
            string text = random.Next(60);
            Assert.Equal(regex.Pieces(text), scan.Pieces(text));
        }
    }

    [Fact]
    public void Pieces_RemovedInverted_KeepsTheMatches()
    {
        Assert.Equal(["ab", "c", "d"], TokenizerFolder.WithPattern("[a-z]+", "Removed", invert: true).Pieces("ab, c!d "));
        Assert.Equal([", ", "!", " "], TokenizerFolder.WithPattern("[a-z]+", "Removed").Pieces("ab, c!d "));
        Assert.Equal(["ab", ", ", "c", "!", "d", " "], TokenizerFolder.WithPattern("[a-z]+").Pieces("ab, c!d "));
        Assert.Empty(TokenizerFolder.WithPattern(DbrxPattern, "Removed").Pieces("everything matches"));
    }

    [Fact]
    public void Pieces_SeveralSplits_RefineOneAnother()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        JsonArray steps = json["pre_tokenizer"]!["pretokenizers"]!.AsArray();
        steps.Insert(0, JsonNode.Parse("""{"type":"Split","pattern":{"Regex":"\\p{N}"},"behavior":"Isolated","invert":false}"""));
        Assert.Equal(["ab", "1", "2", "c", " d"], TokenizerFolder.Load(json).Pieces("ab12c d"));
    }

    [Fact]
    public void Pieces_ByteLevelAlone_UsesTheGpt2PatternAndAddsASpace()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        json["pre_tokenizer"] = JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""");
        Tokenizer tokenizer = TokenizerFolder.Load(json);
        Assert.Equal([" Hello", "'s", " world", " 1234", "  ", " x"], tokenizer.Pieces("Hello's world 1234   x"));
        Assert.Equal([" Hello"], tokenizer.Pieces(" Hello"));
        Assert.Empty(tokenizer.Pieces(""));
        Assert.Equal(" a<|im_end|> b", tokenizer.Decode(tokenizer.Encode("a<|im_end|>b")));
    }

    [Theory]
    [InlineData(@"\p{Han}+", "general category")]
    [InlineData(@"\p{IsGreek}+", "general category")]
    [InlineData(@"\w+", @"the escape '\w'")]
    [InlineData(@"\bx", @"the escape '\b'")]
    [InlineData(@"\x{41}", @"the escape '\x'")]
    [InlineData(@"^a", "'^' outside a class")]
    [InlineData(@"[a[b]]", "a class inside a class")]
    [InlineData(@"[a&&b]", "a class inside a class")]
    [InlineData(@"[abc", "a class without an end")]
    [InlineData(@"(?m:a)", "the group '(?m:'")]
    [InlineData(@"(a", "Not enough )")]
    [InlineData(@"a)", "Too many )")]
    [InlineData(@"a++", "quantifier '+'")]
    [InlineData("\U0001F600", "a character beyond U+FFFF")]
    [InlineData("\\", "the escape")]
    public void Load_PatternThatDotNetReadsDifferently_IsRefused(string pattern, string expected)
    {
        string message = Assert.Throws<InvalidModelException>(() => TokenizerFolder.WithPattern(pattern)).Message;
        Assert.Contains("tokenizer.json: pre_tokenizer.pretokenizers[0].pattern.Regex: expected a supported pattern", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_PatternThatBacktracksWithoutEnd_IsStopped()
    {
        Tokenizer tokenizer = TokenizerFolder.WithPattern("(a+)+b|.");
        var watch = Stopwatch.StartNew();
        Assert.Contains("takes more than", Assert.Throws<InvalidModelException>(() => tokenizer.Encode(new string('a', 64))).Message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"took {watch.Elapsed}");
    }

    [Theory]
    [InlineData("(")]
    [InlineData("(?:")]
    [InlineData("[a]")]
    [InlineData("(?=")]
    public void Load_PatternThousandsDeep_IsLoadedOrRefused(string part)
    {
        string pattern = string.Concat(Enumerable.Repeat(part, 4000)) + "a" + (part[0] == '(' ? new string(')', 4000) : "");
        try
        {
            TokenizerFolder.WithPattern(pattern).Pieces("aaa");
        }
        catch (InvalidModelException error)
        {
            Assert.Contains("pattern", error.Message, StringComparison.Ordinal);
        }
    }
}
