namespace SpmdDbrx.Compute.Cpu;

/// <summary>Causal attention of many tokens: an item is one query head and one panel of queries, which passes over the keys in blocks (FlashAttention, arXiv 2205.14135).</summary>
/// <remarks>Queries stand on the lanes. Tiles of keys give a block's scores, the same tiles over transposed values their weighted sum;
/// the maximum and the sum of each query are carried from block to block.</remarks>
internal unsafe struct AttentionTiles<TVector>(
    RowPointer qkv, AttentionShape shape, KvPointer cache, int position, float* scratch, RowPointer output) : IParallelWork
    where TVector : struct, IFloatVector<TVector>
{
    /// <summary>Keys of a block: their scores stay in the first-level cache.</summary>
    private const int BlockKeys = 192;

    private readonly int headCount = shape.HeadCount;
    private readonly int groupSize = shape.HeadCount / shape.KvHeadCount;
    private readonly int headDim = shape.HeadDim;
    private readonly int panelCount = (qkv.Rows + Tile<TVector>.Lanes - 1) / Tile<TVector>.Lanes;

    public readonly int ItemCount => headCount * panelCount;

    /// <summary>Floats of scratch memory of a thread: queries, sums, scores, and the last keys padded to a tile.</summary>
    public static long ScratchLength(int headDim) =>
        ((headDim + Tile<TVector>.PaddedRows(headDim) + BlockKeys) * Tile<TVector>.Lanes) + (Tile<TVector>.Rows * headDim);

    public readonly void Run(int item, int thread)
    {
        int lanes = Tile<TVector>.Lanes;
        // The last queries see the most keys: they go first, so that no thread ends with a long item.
        int firstToken = (panelCount - 1 - (item / headCount)) * lanes;
        int tokens = Math.Min(lanes, qkv.Rows - firstToken);
        int head = item % headCount;
        int column = head * headDim;
        int kvHead = head / groupSize;
        int firstPosition = position + firstToken;

        var queries = new Panels((nint)(scratch + (thread * ScratchLength(headDim))), headDim, lanes, tokens);
        var sums = new Panels((nint)queries.Row(1, 0), Tile<TVector>.PaddedRows(headDim), lanes, tokens);
        float* scores = sums.Row(1, 0);
        PanelPacking<TVector, Float32Element>.Pack(qkv.Slice(firstToken, tokens, column, headDim), null, queries, 0);
        RowMath<TVector>.Scale(queries.Row(0, 0), 1f / MathF.Sqrt(headDim), headDim * lanes);
        sums.Clear();
        var softmax = new PanelSoftmax<TVector>();
        for (int key = 0; key < firstPosition + tokens; key += BlockKeys)
        {
            int count = Math.Min(BlockKeys, firstPosition + tokens - key);
            Score(queries, kvHead, key, count, scores);
            Mask(scores, key, count, firstPosition);
            softmax.Add(scores, count, sums);
            Weigh(cache.Value(kvHead, key), count, scores, sums);
        }
        softmax.Finish(sums);
        PanelPacking<TVector, Float32Element>.Unpack(sums, 0, headDim, output.Slice(firstToken, tokens, column, headDim), 0, 0);
    }

    /// <summary>scores[k][lane] = key k · query of the lane.</summary>
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
    private static void Mask(float* scores, int key, int count, int firstPosition)
    {
        int lanes = Tile<TVector>.Lanes;
        for (int row = Math.Max(0, firstPosition + 1 - key); row < count; row++)
            new Span<float>(scores + (row * lanes), Math.Min(lanes, key + row - firstPosition)).Fill(float.NegativeInfinity);
    }

    /// <summary>sums[d][lane] += Σ_k value k [d] · probability[k][lane].</summary>
    private readonly void Weigh(float* valueRows, int count, float* probabilities, Panels sums)
    {
        for (int row = 0; row < headDim; row += Tile<TVector>.Rows)
            Tile<TVector>.Add(valueRows + row, 1, headDim, probabilities, count, sums.Row(0, row), sums.Tokens);
    }
}
