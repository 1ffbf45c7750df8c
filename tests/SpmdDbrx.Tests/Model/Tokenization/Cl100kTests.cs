using System.Diagnostics;
using SpmdDbrx.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>DBRX's real vocabulary: 100,256 byte pairs, and the special tokens where DBRX has them.</summary>
public class Cl100kTests(Cl100kVocabulary vocabulary) : IClassFixture<Cl100kVocabulary>
{
    private const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string DbrxConfig = """
        {
          "eos_token": "<|endoftext|>",
          "pad_token": "<|pad|>",
          "added_tokens_decoder": {
            "100257": { "content": "<|endoftext|>", "special": true },
            "100277": { "content": "<|pad|>", "special": true },
            "100278": { "content": "<|im_start|>", "special": true },
            "100279": { "content": "<|im_end|>", "special": true }
          }
        }
        """;

    private static Tokenizer? dbrx;

    /// <summary>Ids as published in the OpenAI Cookbook, "How to count tokens with tiktoken".</summary>
    [SkippableTheory]
    [InlineData("tiktoken is great!", new[] { 83, 1609, 5963, 374, 2294, 0 })]
    [InlineData("antidisestablishmentarianism", new[] { 519, 85342, 34500, 479, 8997, 2191 })]
    [InlineData("2 + 2 = 4", new[] { 17, 489, 220, 17, 284, 220, 19 })]
    [InlineData("お誕生日おめでとう", new[] { 33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699 })]
    [InlineData("hello world", new[] { 15339, 1917 })]
    public void Encode_PublishedTexts_GivesPublishedIds(string text, int[] ids) => Assert.Equal(ids, LoadDbrx().Encode(text));

    [SkippableFact]
    public void Encode_MixedText_GivesTheReferencesIds()
    {
        Tokenizer tokenizer = LoadDbrx();
        var reference = new ReferenceBytePairs(vocabulary.File, Pattern);
        var random = new RandomText(8);
        for (int compared = 0; compared < 1000;)
        {
            string text = random.Next(30);
            if (text.Any(char.IsSurrogate) || text.Contains('\u017F') || text.Contains("<|", StringComparison.Ordinal))
                continue;
            Assert.Equal(reference.Encode(text), tokenizer.Encode(text));
            compared++;
        }
    }

    [SkippableFact]
    public void Encode_SourceFilesOfThisRepository_GivesTheReferencesIds()
    {
        Tokenizer tokenizer = LoadDbrx();
        var reference = new ReferenceBytePairs(vocabulary.File, Pattern);
        string folder = Path.Combine(RepositoryPaths.Root, "src", "SpmdDbrx.Model", "Tokenization");
        foreach (string file in Directory.GetFiles(folder, "*.cs"))
        {
            string text = File.ReadAllText(file);
            Assert.Equal(reference.Encode(text), tokenizer.Encode(text, parseSpecialTokens: false));
        }
    }

    [SkippableFact]
    public void Encode_PiecesOfAThousandLetters_GivesTheReferencesIds()
    {
        Tokenizer tokenizer = LoadDbrx();
        var reference = new ReferenceBytePairs(vocabulary.File, Pattern);
        var random = new Random(9);
        string[] texts =
        [
            new('a', 1000), new(' ', 1000), new('\n', 500), new('!', 1000), string.Concat(Enumerable.Repeat("ab", 500)),
            new([.. Enumerable.Range(0, 1000).Select(_ => (char)('a' + random.Next(26)))]),
            new([.. Enumerable.Range(0, 300).Select(_ => (char)(0x4E00 + random.Next(5000)))]),
        ];
        Assert.All(texts, text => Assert.Equal(reference.Encode(text), tokenizer.Encode(text)));
    }

    [SkippableFact]
    public void Load_DbrxLayout_HasItsSpecialTokensAndGaps()
    {
        Tokenizer tokenizer = LoadDbrx();
        Assert.Equal(100280, tokenizer.VocabularySize);
        Assert.Equal(100257, tokenizer.EosToken);
        Assert.Equal(100277, tokenizer.PadToken);
        Assert.Equal([100278, 882, 198, 13347, 100279], tokenizer.Encode("<|im_start|>user\nHi<|im_end|>"));
        Assert.Equal("", tokenizer.Decode([100256, 100258, 100276, 100280, 100351]));
    }

    /// <summary>A vocabulary whose spaces, letters and marks merge far, so that a long piece is all merging.</summary>
    [SkippableTheory]
    [InlineData('a')]
    [InlineData(' ')]
    [InlineData('\n')]
    [InlineData('-')]
    public void Encode_MegabyteOfOneCharacter_TakesSeconds(char character)
    {
        Tokenizer tokenizer = LoadDbrx();
        string text = new(character, 1_000_000);
        var watch = Stopwatch.StartNew();
        int[] ids = tokenizer.Encode(text);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"took {watch.Elapsed}");
        Assert.Equal(text, tokenizer.Decode(ids));
    }

    private Tokenizer LoadDbrx()
    {
        Skip.If(vocabulary.WhyMissing is not null, $"no cl100k_base: {vocabulary.WhyMissing}");
        return dbrx ??= Load();
    }

    private Tokenizer Load()
    {
        using TemporaryDirectory folder = new();
        File.Copy(vocabulary.File, folder["cl100k_base.tiktoken"]);
        File.WriteAllText(folder["tokenizer_config.json"], DbrxConfig);
        return Tokenizer.Load(folder.Root);
    }
}
