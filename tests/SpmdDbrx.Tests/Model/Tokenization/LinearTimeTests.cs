using System.Diagnostics;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>
/// A megabyte encodes in seconds, whatever is in it. Real figures are near 0.1 s; anything quadratic takes hours, so the limit is
/// generous and still catches it on a busy machine.
/// </summary>
public class LinearTimeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Texts => ["letter", "spaces", "words without spaces", "line breaks", "marks", "spaces and line breaks", "half tags", "emoji", "digits", "English"];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Encode_Megabyte_TakesSeconds(string kind)
    {
        foreach (Tokenizer tokenizer in Tokenizers())
        {
            string text = Text(kind);
            var watch = Stopwatch.StartNew();
            int[] ids = tokenizer.Encode(text);
            Assert.True(watch.Elapsed < Limit, $"{kind}: took {watch.Elapsed}");
            Assert.Equal(text, tokenizer.Decode(ids));
        }
    }

    [Fact]
    public void Encode_SameLetterHundredThousandTimes_TakesSeconds()
    {
        // The tiny vocabulary has no doubled q to merge; "qq", "qqqq", … make every step a merge.
        System.Text.Json.Nodes.JsonObject json = TokenizerFolder.TinyJson();
        for (int length = 2, id = 2048; length <= 1024; length *= 2)
        {
            string half = new('q', length / 2);
            json["model"]!["vocab"]![half + half] = id++;
            json["model"]!["merges"]!.AsArray().Add($"{half} {half}");
        }
        Tokenizer tokenizer = TokenizerFolder.Load(json);
        var watch = Stopwatch.StartNew();
        int[] ids = tokenizer.Encode(new string('q', 100_000));
        Assert.True(watch.Elapsed < Limit, $"took {watch.Elapsed}");
        // 100000 = 97 * 1024 + 512 + 128 + 32
        Assert.Equal([.. Enumerable.Repeat(2057, 97), 2056, 2054, 2052], ids);
    }

    private static IEnumerable<Tokenizer> Tokenizers()
    {
        yield return Tokenizer.Load(RepositoryPaths.TinyModel);
        yield return TokenizerFolder.WithPattern(@"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+");
    }

    private static string Text(string kind)
    {
        const int length = 1_000_000;
        string unit = kind switch
        {
            "letter" => "a",
            "spaces" => " ",
            "words without spaces" => "thequickbrownfoxjumpsoverthelazydog",
            "line breaks" => "\n",
            "marks" => "!",
            "spaces and line breaks" => " \n",
            "half tags" => "<|im_",
            "emoji" => "😀",
            "digits" => "7",
            _ => "The quick brown fox jumps over the lazy dog. ",
        };
        return string.Concat(Enumerable.Repeat(unit, length / unit.Length)) + "x";
    }
}
