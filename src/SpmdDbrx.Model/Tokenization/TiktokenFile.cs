using System.Buffers;
using System.Buffers.Text;
using System.Text;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// Reads a .tiktoken rank file (github.com/openai/tiktoken): a line a token, its bytes in base64 and its rank, which is its id.
/// Two neighbours merge if their bytes together are a token, lowest rank first. The pattern is tokenizer_config.json's pat_str,
/// else cl100k_base's; the special tokens are its added_tokens_decoder.
/// </summary>
internal static class TiktokenFile
{
    // The longest token of the known files has 128 bytes and the largest file 4 MB; the bounds keep looking at all splits of all tokens cheap.
    private const int LongestTokenBytes = 256;
    private const int LargestFileBytes = 16 << 20;

    /// <exception cref="InvalidModelException">A line that is not a token and its rank, or a pattern that cannot be run.</exception>
    public static TokenizerParts Read(string path, TokenizerConfig config)
    {
        Dictionary<string, int> vocabulary = ReadVocabulary(path);
        string pattern = config.Pattern ?? SplitPattern.Cl100k;
        if (!SplitPattern.TryCreate(pattern, keepMatches: true, keepGaps: true, out IPieceSplitter? splitter, out string? reason))
            throw new InvalidModelException($"{Path.Combine(Path.GetDirectoryName(path) ?? "", TokenizerConfig.FileName)}: pat_str: expected a supported pattern, found {QuotedText.Of(pattern)}: {reason}");
        return new TokenizerParts
        {
            File = path,
            Vocabulary = vocabulary,
            Model = ImpliedMerges(vocabulary),
            PreTokenizer = new PreTokenizer([splitter], addPrefixSpace: false, useByteLevelPattern: false),
            AddedTokens = [],
        };
    }

    private static Dictionary<string, int> ReadVocabulary(string path)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var takenRanks = new HashSet<int>();
        ReadOnlySpan<byte> text = JsonFile.ReadBytes(path, LargestFileBytes);
        byte[] token = new byte[LongestTokenBytes];
        int number = 0;
        foreach (Range range in text.Split((byte)'\n'))
        {
            number++;
            ReadOnlySpan<byte> line = text[range].TrimEnd((byte)'\r');
            if (line.IsEmpty)
                continue;
            if (!TryRead(line, token, out int bytes, out int rank))
                throw Wrong(line, $"1 to {LongestTokenBytes} bytes in base64, a space and a rank below {BytePairModel.MaximumVocabularySize}");
            if (!takenRanks.Add(rank) || !vocabulary.TryAdd(ByteLevelAlphabet.ToLetters(token.AsSpan(0, bytes)), rank))
                throw Wrong(line, "every token and every rank once");
        }
        return vocabulary;

        InvalidModelException Wrong(ReadOnlySpan<byte> line, string expected) =>
            new($"{path}: line {number}: expected {expected}, found {QuotedText.Of(Encoding.UTF8.GetString(line[..Math.Min(line.Length, 200)]))}");
    }

    private static bool TryRead(ReadOnlySpan<byte> line, Span<byte> token, out int bytes, out int rank)
    {
        int space = line.IndexOf((byte)' ');
        (bytes, rank) = (0, 0);
        return space > 0
            && Base64.DecodeFromUtf8(line[..space], token, out _, out bytes) == OperationStatus.Done
            && bytes > 0
            && Utf8Parser.TryParse(line[(space + 1)..], out rank, out int digits)
            && digits == line.Length - space - 1
            && rank is >= 0 and < BytePairModel.MaximumVocabularySize;
    }

    /// <summary>Every way to put a token together from two others is a merge with the token's rank.</summary>
    private static BytePairModel ImpliedMerges(Dictionary<string, int> vocabulary)
    {
        var model = new BytePairModel(vocabulary, vocabulary.Count) { WholePieceFirst = true };
        foreach ((string letters, int rank) in vocabulary)
        {
            for (int cut = 1; cut < letters.Length; cut++)
            {
                if (model.TryGetToken(letters.AsSpan(0, cut), out int left) && model.TryGetToken(letters.AsSpan(cut), out int right))
                    model.AddMerge(left, right, new BytePairMerge(rank, rank));
            }
        }
        return model;
    }
}
