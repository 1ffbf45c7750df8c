using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Causal attention of many tokens: an item is some of them, in all heads that share a key/value head.</summary>
/// <remarks>The heads pass over the keys in blocks (FlashAttention, arXiv 2205.14135). Rows are tokens, lanes are keys and then columns of values.</remarks>
internal unsafe struct AttentionTiles<TVector>(
    RowPointer qkv, AttentionShape shape, KvPanels<TVector> cache, int position, float* scratch, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Tokens of an item: whole tiles of six rows.</summary>
    private const int TileTokens = 24;

    /// <summary>Keys of a block: with their values they stay in the second-level cache while all heads use them, and never lie in two blocks of values.</summary>
    private const int BlockKeys = KvPanels<TVector>.ValueBlock / 10;

    private readonly int kvHeadCount = shape.KvHeadCount;
    private readonly int groupSize = shape.HeadCount / shape.KvHeadCount;
    private readonly int headDim = shape.HeadDim;
    private readonly int sumLength = KvPanels<TVector>.ColumnLength(shape.HeadDim);
    private readonly int tileCount = (qkv.Rows + TileTokens - 1) / TileTokens;
    private readonly long scratchLength = ScratchLength(shape);

    public readonly int ItemCount => kvHeadCount * tileCount;

    /// <summary>Floats of scratch memory of a thread: queries, sums, maximum and total of every head's tokens, and the scores of one.</summary>
    public static long ScratchLength(AttentionShape shape)
    {
        int headFloats = shape.HeadDim + KvPanels<TVector>.ColumnLength(shape.HeadDim) + 2;
        return TileTokens * (((long)shape.HeadCount / shape.KvHeadCount * headFloats) + BlockKeys);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        // The last tokens see the most keys: of each head they go first, so that threads have alike work and end with short items.
        int kvHead = item / tileCount;
        int firstToken = (tileCount - 1 - (item % tileCount)) * TileTokens;
        int tokens = Math.Min(TileTokens, qkv.Rows - firstToken);
        int rows = PanelProduct<TVector>.PaddedRows(tokens);
        float* scores = scratch + (thread * scratchLength);
        float* queries = scores + (TileTokens * BlockKeys);
        float* sums = queries + (groupSize * rows * headDim);
        RowSoftmax<TVector> softmax = new(sums + (groupSize * rows * sumLength), groupSize * rows, sums, sumLength);
        for (int head = 0; head < groupSize; head++)
            LoadQueries(firstToken, tokens, (kvHead * groupSize) + head, queries + (head * rows * headDim), rows);
        softmax.Begin();
        int positions = position + firstToken + tokens;
        for (int key = 0; key < positions; key += BlockKeys)
        {
            int count = Math.Min(BlockKeys, positions - key);
            for (int firstRow = 0; firstRow < groupSize * rows; firstRow += rows)
            {
                PanelProduct<TVector>.Run<NoPrefetch, FromZero>(queries + (firstRow * headDim), headDim, rows, cache.Keys(kvHead, key, count), headDim, scores, BlockKeys);
                for (int token = 0; token < tokens; token++)
                    softmax.Add(firstRow + token, scores + (token * BlockKeys), count, position + firstToken + token + 1 - key);
                PanelProduct<TVector>.Run<NoPrefetch, FromSums>(scores, BlockKeys, rows, cache.Values(kvHead, key), count, sums + (firstRow * sumLength), sumLength);
            }
        }
        for (int head = 0; head < groupSize; head++)
        {
            for (int token = 0; token < tokens; token++)
                softmax.Finish((head * rows) + token, output.Row(firstToken + token) + (((kvHead * groupSize) + head) * headDim), headDim);
        }
    }

    /// <summary>Scaled queries of one head, zeros on rows without a token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void LoadQueries(int firstToken, int tokens, int head, float* target, int rows)
    {
        for (int token = 0; token < tokens; token++)
            new ReadOnlySpan<float>(qkv.Row(firstToken + token) + (head * headDim), headDim).CopyTo(new Span<float>(target + (token * headDim), headDim));
        new Span<float>(target + (tokens * headDim), (rows - tokens) * headDim).Clear();
        RowMath<TVector>.Scale(target, AttentionProduct<TVector>.QueryScale(headDim), tokens * headDim);
    }
}
