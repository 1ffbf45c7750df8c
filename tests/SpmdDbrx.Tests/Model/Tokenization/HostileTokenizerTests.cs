using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>A tokenizer file comes with a downloaded model: a bad one is refused by file and field, never obeyed.</summary>
public class HostileTokenizerTests
{
    public static TheoryData<string, string, string> WrongFields => new()
    {
        { "model", "5", "model: expected an object, found '5'" },
        { "model", "null", "model: expected an object, found 'null'" },
        { "model.type", "\"Unigram\"", "model.type: expected \"BPE\", found '\"Unigram\"'" },
        { "model.dropout", "0.1", "model.dropout: expected null" },
        { "model.byte_fallback", "true", "model.byte_fallback: expected false" },
        { "model.end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix: expected no text" },
        { "model.ignore_merges", "1", "model.ignore_merges: expected true or false, found '1'" },
        { "model.vocab", "[]", "model.vocab: expected an object, found an array of 0" },
        { "model.vocab", "{}", "model.merges[0]: expected parts and result in model.vocab" },
        { "model.vocab.a", "1048576", "model.vocab: token 'a': expected an id below 1048576 that no other token has, found '1048576'" },
        { "model.vocab.a", "-1", "token 'a': expected an id below" },
        { "model.vocab.a", "1.5", "token 'a': expected an id below" },
        { "model.vocab.a", "\"1\"", "token 'a': expected an id below" },
        { "model.vocab.new", "64", "token 'new': expected an id below 1048576 that no other token has, found '64'" },
        { "model.merges", "{}", "model.merges: expected an array, found an object" },
        { "model.merges", "[\"a\"]", "model.merges[0]: expected a pair of tokens" },
        { "model.merges", "[\"h e\", \"a b c\"]", "model.merges[1]: expected a pair of tokens" },
        { "model.merges", "[[\"a\"]]", "model.merges[0]: expected a pair of tokens" },
        { "model.merges", "[[\"a\", 5]]", "model.merges[0]: expected a pair of tokens" },
        { "model.merges", "[7]", "model.merges[0]: expected a pair of tokens" },
        { "model.merges", "[\"\\ud800 a\"]", "model.merges[0]: expected a pair of tokens" },
        { "model.merges", "[\"q zz\"]", "model.merges[0]: expected parts and result in model.vocab, where 'zz' is not" },
        { "model.merges", "[\"q q\"]", "where 'qq' is not" },
        { "pre_tokenizer", "null", "pre_tokenizer: expected an object" },
        { "pre_tokenizer.type", "\"Metaspace\"", "pre_tokenizer.type: expected \"ByteLevel\", alone or last in a \"Sequence\", found '\"Metaspace\"'" },
        { "pre_tokenizer.pretokenizers", "[]", "pre_tokenizer.pretokenizers: expected steps that end in \"ByteLevel\"" },
        { "pre_tokenizer.pretokenizers", "[{\"type\":\"Digits\"},{\"type\":\"ByteLevel\"}]", "pre_tokenizer.pretokenizers[0].type: expected \"Split\" before \"ByteLevel\"" },
        { "pre_tokenizer.pretokenizers.0.behavior", "\"MergedWithNext\"", "pretokenizers[0].behavior: expected \"Isolated\" or \"Removed\", found '\"MergedWithNext\"'" },
        { "pre_tokenizer.pretokenizers.0.pattern", "{\"String\":\" \"}", "pretokenizers[0].pattern.Regex: expected a string, found nothing" },
        { "normalizer", "{\"type\":\"Lowercase\"}", "normalizer.type: expected \"NFC\", or normalizer null, found '\"Lowercase\"'" },
        { "decoder.type", "\"Metaspace\"", "decoder.type: expected \"ByteLevel\"" },
        { "post_processor", "{\"type\":\"BertProcessing\"}", "post_processor.type: expected null, \"ByteLevel\" or" },
        { "post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},{\"Sequence\":{}}]}", "that adds no tokens" },
        { "added_tokens", "5", "added_tokens: expected an array" },
        { "added_tokens", "[5]", "added_tokens[0]: expected an object, found '5'" },
        { "added_tokens.0.id", "-5", "added_tokens[0].id: expected a whole number from 0 to 1048575, found '-5'" },
        { "added_tokens.0.id", "64", "id 64: expected one id a token, found that id 64 is also \"a\"" },
        { "added_tokens.0.content", "\"\"", "added_tokens[0].content: expected a text of 1 to 512 characters" },
        { "added_tokens.0.content", "\"a\"", "added token \"a\", id 2030: expected one id a token, found that it also has id 64" },
        { "added_tokens.0.content", "\"\\ud800\"", "added_tokens[0].content: expected a string of valid Unicode" },
        { "added_tokens.0.special", "\"yes\"", "added_tokens[0].special: expected true or false" },
    };

    [Theory]
    [MemberData(nameof(WrongFields))]
    public void Load_WrongField_IsNamed(string field, string value, string expected)
    {
        string message = TokenizerFolder.LoadError(WithField(field, value));
        Assert.Contains("tokenizer.json", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"model\": {\"vocab\": {\"a\": 1, \"a\": 2}}}")]
    [InlineData("{\"model\": {\"vocab\": {\"\\ud800\": 1}}}")]
    [InlineData("\0\0\0")]
    public void Load_NoJsonObject_IsRefused(string text) => Assert.Contains("tokenizer.json: ", TokenizerFolder.LoadError(text), StringComparison.Ordinal);

    [Fact]
    public void Load_VocabularyWithoutAByte_IsRefused()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        json["model"]!["merges"] = new JsonArray();
        json["model"]!["vocab"]!.AsObject().Remove("Ġ");
        Assert.Contains("expected a token for every byte, found none for byte 0x20", TokenizerFolder.LoadError(json.ToJsonString()), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_BytesThatAreNoUtf8_AreRefused()
    {
        using TemporaryDirectory folder = new();
        File.WriteAllBytes(folder["tokenizer.json"], [.. "{\"model\": \""u8, 0xFA, .. "\"}"u8]);
        Assert.Contains("no UTF-8", Assert.Throws<InvalidModelException>(() => Tokenizer.Load(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_JsonThousandsDeep_IsRefused() =>
        Assert.Contains("not valid JSON", TokenizerFolder.LoadError("{\"model\":" + new string('[', 100_000)), StringComparison.Ordinal);

    [Fact]
    public void Load_TruncatedFile_IsRefused()
    {
        string whole = TokenizerFolder.TinyJson().ToJsonString();
        var random = new Random(5);
        for (int i = 0; i < 50; i++)
            TokenizerFolder.LoadError(whole[..random.Next(whole.Length)]);
    }

    [Fact]
    public void Load_FileWithRandomDamage_LoadsOrIsRefused()
    {
        byte[] whole = Encoding.UTF8.GetBytes(TokenizerFolder.TinyJson().ToJsonString());
        var random = new Random(6);
        using TemporaryDirectory folder = new();
        for (int i = 0; i < 200; i++)
        {
            byte[] damaged = [.. whole];
            for (int j = random.Next(1, 4); j > 0; j--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(folder["tokenizer.json"], damaged);
            try
            {
                Tokenizer.Load(folder.Root).Encode("Hello, world! 東京 😀 <|im_end|>");
            }
            catch (InvalidModelException error)
            {
                Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Load_NoTokenizerFile_SaysWhatIsMissing()
    {
        using TemporaryDirectory folder = new();
        Assert.Contains("expected tokenizer.json or one .tiktoken file, found neither", Assert.Throws<InvalidModelException>(() => Tokenizer.Load(folder.Root)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidModelException>(() => Tokenizer.Load(folder["nowhere"]));
        File.WriteAllText(folder["a.tiktoken"], "");
        File.WriteAllText(folder["b.tiktoken"], "");
        Assert.Contains("found 2 .tiktoken files", Assert.Throws<InvalidModelException>(() => Tokenizer.Load(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("IQ==", "line 1: expected 1 to 256 bytes in base64, a space and a rank")]
    [InlineData("IQ== 0\nIg== 1\n*** 2", "line 3: expected 1 to 256 bytes in base64")]
    [InlineData("IQ== 0\nIg== -1", "line 2: expected")]
    [InlineData("IQ== 0\nIg== 1x", "line 2: expected")]
    [InlineData("IQ== 99999999999999999999", "line 1: expected")]
    [InlineData("IQ== 1048576", "line 1: expected")]
    [InlineData(" 5", "line 1: expected")]
    [InlineData("IQ== 0\nIg== 0", "line 2: expected every token and every rank once, found 'Ig== 0'")]
    [InlineData("IQ== 0\nIQ== 1", "line 2: expected every token and every rank once")]
    [InlineData("IQ== 0", "expected a token for every byte, found none for byte 0x00")]
    [InlineData("", "expected a token for every byte")]
    public void Load_WrongTiktokenLine_IsNamed(string text, string expected)
    {
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["x.tiktoken"], text);
        string message = Assert.Throws<InvalidModelException>(() => Tokenizer.Load(folder.Root)).Message;
        Assert.Contains("x.tiktoken", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TiktokenTokenOfManyBytes_IsRefused()
    {
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["x.tiktoken"], Convert.ToBase64String(new byte[257]) + " 0\n");
        Assert.Contains("line 1: expected 1 to 256 bytes", Assert.Throws<InvalidModelException>(() => Tokenizer.Load(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}", "added_tokens_decoder: expected ids below 1048576 as names, found 'x'")]
    [InlineData("{\"added_tokens_decoder\": {\"9999999\": {\"content\": \"a\"}}}", "added_tokens_decoder: expected ids below")]
    [InlineData("{\"added_tokens_decoder\": {\"2030\": {\"content\": \"other\"}}}", "id 2030: expected one id a token")]
    [InlineData("{\"eos_token\": 5}", "eos_token: expected a string, found '5'")]
    [InlineData("{\"eos_token\": {\"content\": []}}", "eos_token.content: expected a string, found an array of 0")]
    public void Load_WrongTokenizerConfig_IsNamed(string config, string expected) =>
        Assert.Contains(expected, TokenizerFolder.LoadError(TokenizerFolder.TinyJson().ToJsonString(), config), StringComparison.Ordinal);

    [Fact]
    public void Load_ManyLongAddedTokensWithOneStart_StillFindsThemSoon()
    {
        JsonObject json = TokenizerFolder.TinyJson();
        JsonArray added = json["added_tokens"]!.AsArray();
        for (int i = 0; i < 500; i++)
            added.Add(new JsonObject { ["id"] = 3000 + i, ["content"] = new string('<', i + 2) + "|" });
        var watch = Stopwatch.StartNew();
        Tokenizer tokenizer = TokenizerFolder.Load(json);
        int[] ids = tokenizer.Encode(new string('<', 200_000) + "|");
        Assert.Equal(3499, ids[^1]);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"took {watch.Elapsed}");
    }

    /// <summary>The tiny tokenizer.json with the value at a dotted path replaced by any JSON text.</summary>
    private static string WithField(string path, string value)
    {
        JsonObject json = TokenizerFolder.TinyJson();
        string[] names = path.Split('.');
        JsonNode parent = json;
        foreach (string name in names[..^1])
            parent = parent is JsonArray array ? array[int.Parse(name)]! : parent[name]!;
        // A mark first and the raw text after, because JsonNode would refuse some of the values itself.
        parent[names[^1]] = "@VALUE@";
        return json.ToJsonString().Replace("\"@VALUE@\"", value, StringComparison.Ordinal);
    }
}
