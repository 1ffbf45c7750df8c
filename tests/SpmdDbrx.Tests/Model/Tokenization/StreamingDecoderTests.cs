using System.Text;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

public class StreamingDecoderTests
{
    private static readonly Tokenizer Tokenizer = Tokenizer.Load(RepositoryPaths.TinyModel);

    [Fact]
    public void Append_EveryCutOfRandomTokens_GivesTheDecodedTextWithoutHalfCharacters()
    {
        var random = new Random(4);
        for (int i = 0; i < 300; i++)
        {
            // Any ids, so the bytes are mostly no valid UTF-8: bytes alone, letters, special tokens, gaps.
            int[] ids = Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(3) == 0 ? random.Next(2100) : random.Next(256)).ToArray();
            bool skip = i % 2 == 0;
            for (int cut = 0; cut <= ids.Length; cut++)
                Assert.Equal(Tokenizer.Decode(ids.AsSpan(0, cut), skip), Stream(ids[..cut], skip));
        }
    }

    [Fact]
    public void Append_TextOfManyScripts_NeverShowsAReplacementCharacter()
    {
        const string text = "naïve 東京都 😀👩\u200D👩\u200D👧 𝒜 e\u0301 שלום";
        var decoder = new StreamingDecoder(Tokenizer);
        var shown = new StringBuilder();
        foreach (int id in Tokenizer.Encode(text))
        {
            string part = decoder.Append(id);
            Assert.DoesNotContain('\uFFFD', part);
            Assert.False(part.Length > 0 && (char.IsHighSurrogate(part[^1]) || char.IsLowSurrogate(part[0])));
            shown.Append(part);
        }
        Assert.Equal("", decoder.Flush());
        Assert.Equal(text, shown.ToString());
    }

    [Fact]
    public void Flush_HalfACharacter_GivesOneReplacementCharacterAndStartsAnew()
    {
        var decoder = new StreamingDecoder(Tokenizer);
        Assert.Equal("", decoder.Append(172));
        Assert.Equal("", decoder.Append(253));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("H", decoder.Append(39));
        Assert.Equal("", decoder.Flush());
    }

    private static string Stream(int[] ids, bool skipSpecialTokens)
    {
        var decoder = new StreamingDecoder(Tokenizer, skipSpecialTokens);
        return string.Concat(ids.Select(decoder.Append)) + decoder.Flush();
    }
}
