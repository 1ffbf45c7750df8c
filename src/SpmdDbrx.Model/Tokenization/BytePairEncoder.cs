using System.Collections.Concurrent;
using System.Text;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Byte-level BPE of one piece, with a bounded cache of short pieces. Safe for concurrent use.</summary>
internal sealed class BytePairEncoder
{
    private const int LongestCachedPiece = 32;
    private const int LargestCache = 1 << 16;

    private readonly BytePairModel model;
    private readonly int[] byteTokens;
    private readonly ConcurrentDictionary<string, int[]> cache = new();
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> cacheBySpan;
    private int cachedPieces;

    /// <param name="model">Tokens and merges.</param>
    /// <param name="byteTokens">Token of each byte value [256]; -1 for bytes that UTF-8 never has.</param>
    public BytePairEncoder(BytePairModel model, int[] byteTokens)
    {
        this.model = model;
        this.byteTokens = byteTokens;
        cacheBySpan = cache.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Appends the tokens of a piece; lone surrogates count as U+FFFD.</summary>
    public void Encode(ReadOnlySpan<char> piece, List<int> tokens)
    {
        bool cacheable = piece.Length <= LongestCachedPiece;
        if (cacheable && cacheBySpan.TryGetValue(piece, out int[]? known))
        {
            tokens.AddRange(known);
            return;
        }
        int first = tokens.Count;
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
        Encoding.UTF8.GetBytes(piece, bytes);
        if (model.WholePieceFirst && TryGetToken(bytes, out int whole))
            tokens.Add(whole);
        else
            new BytePairChain(model, byteTokens, bytes).MergeInto(tokens);

        if (cacheable && Volatile.Read(ref cachedPieces) < LargestCache && cacheBySpan.TryAdd(piece, tokens[first..].ToArray()))
            Interlocked.Increment(ref cachedPieces);
    }

    private bool TryGetToken(ReadOnlySpan<byte> bytes, out int token)
    {
        token = -1;
        return bytes.Length <= model.LongestToken && model.TryGetToken(ByteLevelAlphabet.ToLetters(bytes), out token);
    }
}
