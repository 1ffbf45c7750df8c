using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Attention of single tokens: an item is (token, key/value head, block of positions); all query heads of a key/value head share the pass over keys and values.</summary>
/// <remarks>Each item leaves for every head the maximum m, the sum of 2^(score − m) and the sum of values weighted with it
/// (online softmax, arXiv 1805.02867), which <see cref="AttentionMerge{TVector}"/> joins in order of blocks.</remarks>
internal unsafe struct AttentionBlocks<TVector>(
    RowPointer qkv, AttentionShape shape, KvPanels<TVector> cache, int position, float* scratch, float* partials) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Floats in front of the weighted values of a partial result: maximum and sum, and the rest of a cache line.</summary>
    public const int Header = 16;

    /// <summary>Blocks have 240, 480, 960 or 1,920 positions: whole tiles of three panels of the widest register, and never parts of two blocks of values.</summary>
    private const int ShortestBlock = LongestBlock / 8;
    private const int LongestBlock = KvPanels<TVector>.ValueBlock;

    /// <summary>Bytes of each stream of values asked for while the weights of <see cref="ShortestBlock"/> positions are computed, and of all in a block.</summary>
    /// <remarks>Measured on Zen 5 with 512-bit registers, groups of four and six heads: half of it makes attention 0.4 to 0.9 % slower, twice as much 0.3 to 0.6 %.</remarks>
    private const int AskedBytes = 768;
    private const int MostAskedBytes = 24 << 10;

    /// <summary>From here on a token asks for keys and values ahead, and in caches does not; measured with four and eight key/value heads of 128.</summary>
    private const int StreamedPositions = 1000;

    /// <summary>The same of several tokens: up to here the caches hold for the next one what one has read.</summary>
    private const int StreamedPositionsOfSeveral = 4000;

    /// <summary>Items aimed at for a token with enough positions, within half of it; more with more heads than this, or with more positions than as many of the longest blocks.</summary>
    private const int TokenItems = 16;

    private readonly int kvHeadCount = shape.KvHeadCount;
    private readonly int groupSize = shape.HeadCount / shape.KvHeadCount;
    private readonly int rows = GroupRows(shape);
    private readonly int headDim = shape.HeadDim;
    private readonly int partialLength = PartialLength(shape.HeadDim);
    private readonly int blockLength = BlockLength(shape, position + qkv.Rows);
    private readonly int blockCount = BlockCount(shape, position + qkv.Rows);
    private readonly bool streamed = position >= (qkv.Rows == 1 ? StreamedPositions : StreamedPositionsOfSeveral);

    /// <summary>Items of <paramref name="tokens"/> tokens whose last one attends to <paramref name="positions"/> positions.</summary>
    public static int ItemCount(AttentionShape shape, int tokens, int positions) => checked(tokens * shape.KvHeadCount * BlockCount(shape, positions));

    /// <summary>Blocks of a key/value head.</summary>
    public static int BlockCount(AttentionShape shape, int positions) => (int)DivideUp(positions, BlockLength(shape, positions));

    /// <summary>Items of <paramref name="tokens"/> tokens that attend to any number of positions up to <paramref name="capacity"/>: blocks have two thirds of their share or more.</summary>
    public static int MostItems(AttentionShape shape, int tokens, int capacity) =>
        checked(tokens * shape.KvHeadCount * (int)Math.Max(DivideUp(TokenItems * 3 / 2, shape.KvHeadCount), DivideUp(capacity, LongestBlock)));

    /// <summary>Positions of a block: long runs through memory against enough items. Never by the number of threads, so that every rank sums alike.</summary>
    private static int BlockLength(AttentionShape shape, int positions)
    {
        long share = (long)positions * shape.KvHeadCount / TokenItems;
        int length = ShortestBlock;
        while (length < LongestBlock && 3 * length <= 2 * share)
            length *= 2;
        return length;
    }

    /// <summary>Floats of a head's partial result.</summary>
    public static int PartialLength(int headDim) => Header + KvPanels<TVector>.ColumnLength(headDim);

    /// <summary>Floats of an item's partial results.</summary>
    public static long ItemLength(AttentionShape shape) => (long)GroupRows(shape) * PartialLength(shape.HeadDim);

    /// <summary>Floats of scratch memory of a thread: the queries of a group and their scores in the longest block.</summary>
    public static long ScratchLength(AttentionShape shape) => (long)GroupRows(shape) * (shape.HeadDim + LongestBlock);

    private static long DivideUp(long count, long size) => (count + size - 1) / size;

    /// <summary>Heads that share a key/value head, rounded up to whole tiles.</summary>
    private static int GroupRows(AttentionShape shape) => PanelProduct<TVector>.PaddedRows(shape.HeadCount / shape.KvHeadCount);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        if (!streamed)
            Attend<NoPrefetch>(item, thread);
        else if (TVector.Count == FloatVector512.Count)
            Attend<ReadOnceFarther>(item, thread);
        else
            Attend<ReadOnceFar>(item, thread);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Attend<TPrefetch>(int item, int thread) where TPrefetch : struct, IPrefetch
    {
        int block = item % blockCount;
        int kvHead = item / blockCount % kvHeadCount;
        int token = item / blockCount / kvHeadCount;
        int start = block * blockLength;
        int count = Math.Min(blockLength, position + token + 1 - start);
        float* partial = partials + ((long)item * rows * partialLength);
        if (count <= 0)
        {
            // They are merged with a factor of zero, which NaN would survive.
            new Span<float>(partial, rows * partialLength).Clear();
            for (int head = 0; head < groupSize; head++)
                partial[head * partialLength] = float.NegativeInfinity;
            return;
        }
        PanelRun keys = cache.Keys(kvHead, start, count);
        PanelRun values = cache.Values(kvHead, start);
        PanelProduct<TVector>.AskFor<TPrefetch>(keys, rows, 0, TPrefetch.Distance);
        float* queries = scratch + ((long)thread * rows * (headDim + blockLength));
        float* scores = queries + (rows * headDim);
        LoadQueries(qkv.Row(token) + (kvHead * groupSize * headDim), queries);
        PanelProduct<TVector>.Run<TPrefetch, FromZero>(queries, headDim, rows, keys, headDim, scores, blockLength);
        int asked = 0, toAsk = Math.Min(count * sizeof(TVector), MostAskedBytes);
        for (int head = 0; head < groupSize; head++)
        {
            float* row = scores + (head * blockLength);
            float largest = RowMath<TVector>.Largest(row, count);
            float sum = 0;
            for (int first = 0; first < count; first += ShortestBlock)
            {
                // While a core computes these, its memory would stand still.
                PanelProduct<TVector>.AskFor<TPrefetch>(values, rows, asked, Math.Min(AskedBytes, toAsk - asked));
                asked = Math.Min(asked + AskedBytes, toAsk);
                sum += RowMath<TVector>.PowersOfTwo(row + first, largest, Math.Min(ShortestBlock, count - first));
            }
            partial[head * partialLength] = largest;
            partial[(head * partialLength) + 1] = sum;
        }
        PanelProduct<TVector>.Run<TPrefetch, FromZero>(scores, blockLength, rows, values, count, partial + Header, partialLength);
    }

    /// <summary>Scaled queries, zeros on rows without a head.</summary>
    private readonly void LoadQueries(float* source, float* target)
    {
        int length = groupSize * headDim;
        new Span<float>(target + length, (rows - groupSize) * headDim).Clear();
        new ReadOnlySpan<float>(source, length).CopyTo(new Span<float>(target, length));
        RowMath<TVector>.Scale(target, AttentionProduct<TVector>.QueryScale(headDim), length);
    }
}
