using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

public class TokenizerGoldenTests
{
    private static readonly TokenizerGolden Golden = TokenizerGolden.Read();
    private static readonly Tokenizer Tokenizer = Tokenizer.Load(RepositoryPaths.TinyModel);

    public static TheoryData<int> EncodeCases => Indices(Golden.Encode.Count);

    public static TheoryData<int> DecodeCases => Indices(Golden.Decode.Count);

    [Theory]
    [MemberData(nameof(EncodeCases))]
    public void Encode_GoldenText_GivesGoldenIds(int index) =>
        Assert.Equal(Golden.Encode[index].Ids, Tokenizer.Encode(Golden.Encode[index].Text));

    [Theory]
    [MemberData(nameof(EncodeCases))]
    public void Pieces_GoldenText_GivesGoldenPieces(int index)
    {
        if (Golden.Encode[index].Pieces is { } pieces)
            Assert.Equal(pieces, Tokenizer.Pieces(Golden.Encode[index].Text));
    }

    [Theory]
    [MemberData(nameof(EncodeCases))]
    public void Decode_GoldenIds_GivesGoldenText(int index) =>
        Assert.Equal(Golden.Encode[index].Text, Tokenizer.Decode(Golden.Encode[index].Ids));

    [Theory]
    [MemberData(nameof(DecodeCases))]
    public void Decode_GoldenCase_GivesGoldenText(int index)
    {
        TokenizerGolden.DecodeCase golden = Golden.Decode[index];
        Assert.Equal(golden.Text, Tokenizer.Decode(golden.Ids));
        if (golden.TextSkipSpecial is { } text)
            Assert.Equal(text, Tokenizer.Decode(golden.Ids, skipSpecialTokens: true));
    }

    [Fact]
    public void SpecialTokens_TinyModel_AreTheGoldenOnes()
    {
        Assert.Equal(Golden.Special, Tokenizer.SpecialTokens);
        Assert.Equal(2039, Tokenizer.SpecialToken("<|im_end|>"));
        Assert.Null(Tokenizer.SpecialToken("<|none|>"));
        Assert.Equal(2040, Tokenizer.VocabularySize);
        Assert.Equal(2030, Tokenizer.EosToken);
        Assert.Equal(2030, Tokenizer.BosToken);
        Assert.Equal(2037, Tokenizer.PadToken);
    }

    [Fact]
    public void Encode_SpecialTokensNotParsed_AreText()
    {
        int[] ids = Tokenizer.Encode("<|im_end|>", parseSpecialTokens: false);
        Assert.DoesNotContain(2039, ids);
        Assert.Equal("<|im_end|>", Tokenizer.Decode(ids));
    }

    private static TheoryData<int> Indices(int count) => [.. Enumerable.Range(0, count)];
}
