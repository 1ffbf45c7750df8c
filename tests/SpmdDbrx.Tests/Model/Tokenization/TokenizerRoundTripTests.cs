using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

public class TokenizerRoundTripTests
{
    private static readonly Tokenizer Tokenizer = Tokenizer.Load(RepositoryPaths.TinyModel);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Decode_OfEncodedRandomText_IsTheText(bool parseSpecialTokens)
    {
        var random = new RandomText(2);
        for (int i = 0; i < 2000; i++)
        {
            string text = random.Next(40) + (i % 3 == 0 ? "<|im_end|>" : "") + random.Next(5);
            Assert.Equal(text, Tokenizer.Decode(Tokenizer.Encode(text, parseSpecialTokens)));
        }
    }

    [Fact]
    public void Encode_HalfASurrogatePair_CountsAsReplacementCharacter()
    {
        foreach (string text in (string[])["a\uD83Db", "a\uDE00b", "\uDE00\uD83D", "\uD83D"])
        {
            string replaced = text.Replace('\uD83D', '\uFFFD').Replace('\uDE00', '\uFFFD');
            Assert.Equal(Tokenizer.Encode(replaced), Tokenizer.Encode(text));
            Assert.Equal(replaced, Tokenizer.Decode(Tokenizer.Encode(text)));
        }
    }

    [Fact]
    public void Encode_SecondTime_GivesTheSameFromTheCache()
    {
        Tokenizer fresh = Tokenizer.Load(RepositoryPaths.TinyModel);
        var random = new RandomText(3);
        List<string> texts = Enumerable.Range(0, 200).Select(_ => random.Next(40)).ToList();
        List<int[]> first = texts.ConvertAll(text => fresh.Encode(text));
        Assert.Equal(first, texts.ConvertAll(text => fresh.Encode(text)));
    }

    [Fact]
    public async Task Encode_ManyThreads_GiveTheSame()
    {
        Tokenizer shared = Tokenizer.Load(RepositoryPaths.TinyModel);
        List<string> texts = Enumerable.Range(0, 100).Select(i => new RandomText(i).Next(100)).ToList();
        int[][] expected = texts.Select(text => Tokenizer.Encode(text)).ToArray();
        int[][][] found = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => texts.Select(text => shared.Encode(text)).ToArray())));
        Assert.All(found, ids => Assert.Equal(expected, ids));
    }

    [Fact]
    public void Decode_NegativeId_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Decode([1, -1]));
}
