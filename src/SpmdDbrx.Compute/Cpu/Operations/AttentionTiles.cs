using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Causal attention of many tokens: an item is a panel of queries, in all heads that share a key/value head, which passes over the keys in blocks (FlashAttention, arXiv 2205.14135).</summary>
/// <remarks>Queries stand on the lanes. Tiles of keys give a block's scores, the same tiles over transposed values their weighted sum;
/// the maximum and the sum of each query are carried from block to block.</remarks>
internal unsafe struct AttentionTiles<TVector>(
    RowPointer qkv, AttentionShape shape, KvPointer cache, int position, float* scratch, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Keys of a block: with their values they stay in the second-level cache while all heads use them.</summary>
    private const int BlockKeys = 192;

    private readonly int kvHeadCount = shape.KvHeadCount;
    private readonly int groupSize = shape.HeadCount / shape.KvHeadCount;
    private readonly int headDim = shape.HeadDim;
    private readonly int panelCount = (qkv.Rows + Tile<TVector>.Lanes - 1) / Tile<TVector>.Lanes;
    private readonly long scratchLength = ScratchLength(shape);

    public readonly int ItemCount => kvHeadCount * panelCount;

    /// <summary>Floats of scratch memory of a thread: queries and sums of every head, scores, and the last keys padded to a tile.</summary>
    public static long ScratchLength(AttentionShape shape)
    {
        int headRows = shape.HeadDim + Tile<TVector>.PaddedRows(shape.HeadDim);
        int rows = (shape.HeadCount / shape.KvHeadCount * headRows) + BlockKeys;
        return ((long)rows * Tile<TVector>.Lanes) + (Tile<TVector>.Rows * shape.HeadDim);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        // The last queries see the most keys: they go first, so that no thread ends with a long item.
        int firstToken = (panelCount - 1 - (item / kvHeadCount)) * Tile<TVector>.Lanes;
        int kvHead = item % kvHeadCount;
        int tokens = Math.Min(Tile<TVector>.Lanes, qkv.Rows - firstToken);
        int firstPosition = position + firstToken;
        float* memory = scratch + (thread * scratchLength);
        float* scores = Sums(memory, groupSize, 0).Row(0, 0);
        PanelSoftmax<TVector>* softmax = stackalloc PanelSoftmax<TVector>[groupSize];
        for (int head = 0; head < groupSize; head++)
        {
            Panels queries = Queries(memory, head, tokens);
            PanelPacking<TVector, Float32Element>.Pack(HeadOf(qkv, firstToken, tokens, kvHead, head), null, queries, 0);
            RowMath<TVector>.Scale(queries.Row(0, 0), 1f / MathF.Sqrt(headDim), headDim * Tile<TVector>.Lanes);
            Sums(memory, head, tokens).Clear();
            softmax[head] = new PanelSoftmax<TVector>();
        }
        for (int key = 0; key < firstPosition + tokens; key += BlockKeys)
        {
            int count = Math.Min(BlockKeys, firstPosition + tokens - key);
            for (int head = 0; head < groupSize; head++)
            {
                Panels sums = Sums(memory, head, tokens);
                Score(Queries(memory, head, tokens), kvHead, key, count, scores);
                Mask(scores, key, count, firstPosition);
                softmax[head].Add(scores, count, sums);
                Weigh(cache.Value(kvHead, key), count, scores, sums);
            }
        }
        for (int head = 0; head < groupSize; head++)
        {
            Panels sums = Sums(memory, head, tokens);
            softmax[head].Finish(sums);
            PanelPacking<TVector, Float32Element>.Unpack(sums, 0, headDim, HeadOf(output, firstToken, tokens, kvHead, head), 0, 0);
        }
    }

    private readonly RowPointer HeadOf(RowPointer rows, int firstToken, int tokens, int kvHead, int head) =>
        rows.Slice(firstToken, tokens, ((kvHead * groupSize) + head) * headDim, headDim);

    /// <summary>Queries of one head, [headDim] rows.</summary>
    private readonly Panels Queries(float* memory, int head, int tokens) =>
        new((nint)(memory + ((long)head * headDim * Tile<TVector>.Lanes)), headDim, Tile<TVector>.Lanes, tokens);

    /// <summary>Weighted values of one head, [padded headDim] rows.</summary>
    private readonly Panels Sums(float* memory, int head, int tokens)
    {
        int rows = Tile<TVector>.PaddedRows(headDim);
        long offset = ((long)groupSize * headDim) + ((long)head * rows);
        return new Panels((nint)(memory + (offset * Tile<TVector>.Lanes)), rows, Tile<TVector>.Lanes, tokens);
    }

    /// <summary>scores[k][lane] = key k · query of the lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Score(Panels queries, int kvHead, int key, int count, float* scores)
    {
        int lanes = Tile<TVector>.Lanes;
        int rows = Tile<TVector>.Rows;
        new Span<float>(scores, BlockKeys * lanes).Clear();
        for (int row = 0; row < count; row += rows)
        {
            float* tile = cache.Key(kvHead, key + row);
            if (key + row + rows > cache.Capacity)
            {
                // A whole tile would read behind the cache.
                float* padded = scores + (BlockKeys * lanes);
                new Span<float>(padded, rows * headDim).Clear();
                new ReadOnlySpan<float>(tile, (cache.Capacity - key - row) * headDim).CopyTo(new Span<float>(padded, rows * headDim));
                tile = padded;
            }
            Tile<TVector>.Add(tile, headDim, 1, queries.Row(0, 0), headDim, scores + (row * lanes), queries.Tokens);
        }
    }

    /// <summary>−∞ where a key comes after the lane's query.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Mask(float* scores, int key, int count, int firstPosition)
    {
        int lanes = Tile<TVector>.Lanes;
        for (int row = Math.Max(0, firstPosition + 1 - key); row < count; row++)
            new Span<float>(scores + (row * lanes), Math.Min(lanes, key + row - firstPosition)).Fill(float.NegativeInfinity);
    }

    /// <summary>sums[d][lane] += Σ_k value k [d] · probability[k][lane].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Weigh(float* valueRows, int count, float* probabilities, Panels sums)
    {
        for (int row = 0; row < headDim; row += Tile<TVector>.Rows)
            Tile<TVector>.Add(valueRows + row, 1, headDim, probabilities, count, sums.Row(0, row), sums.Tokens);
    }
}
