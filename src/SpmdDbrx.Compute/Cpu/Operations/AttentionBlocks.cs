using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Attention of single tokens: an item is (token, key/value head, block of positions); all query heads of a key/value head share the pass over keys and values.</summary>
/// <remarks>Each item leaves for every head the maximum m, the sum of e^(score − m) and the sum of values weighted with it
/// (online softmax, arXiv 1805.02867), which <see cref="AttentionMerge{TVector}"/> joins in order of blocks.</remarks>
internal unsafe struct AttentionBlocks<TVector>(
    RowPointer qkv, AttentionShape shape, KvPointer cache, int position, int blockCount, float* scores, float* partials) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Positions of a block: runs of 122 keys and of 61 values. Rows of runs a power of two apart would fall into the same sets of the
    /// caches and displace one another.</summary>
    public const int BlockPositions = 488;

    /// <summary>Floats in front of the weighted values of a partial result: maximum and sum, padded to keep the values aligned.</summary>
    public const int Header = 16;

    private readonly int kvHeadCount = shape.KvHeadCount;
    private readonly int groupSize = shape.HeadCount / shape.KvHeadCount;
    private readonly int headDim = shape.HeadDim;

    /// <summary>Floats of a partial result.</summary>
    public static int PartialLength(int headDim) => Header + headDim;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        int block = item % blockCount;
        int kvHead = item / blockCount % kvHeadCount;
        int token = item / blockCount / kvHeadCount;
        int start = block * BlockPositions;
        int count = Math.Min(BlockPositions, position + token + 1 - start);
        float* q = qkv.Row(token) + (kvHead * groupSize * headDim);
        float* partial = partials + ((long)item * groupSize * PartialLength(headDim));
        if (count <= 0)
        {
            for (int head = 0; head < groupSize; head++)
                Finish(partial + (head * PartialLength(headDim)), float.NegativeInfinity, 0);
            return;
        }
        float* mine = scores + ((long)thread * groupSize * BlockPositions);
        Score(q, cache.Key(kvHead, start), count, mine);
        float scale = 1f / MathF.Sqrt(headDim);
        for (int head = 0; head < groupSize; head++)
        {
            float* row = mine + (head * BlockPositions);
            float largest = RowMath<TVector>.Largest(row, count) * scale;
            float sum = RowMath<TVector>.Exponentials(row, scale, largest, count);
            Finish(partial + (head * PartialLength(headDim)), largest, sum);
        }
        Weigh(cache.Value(kvHead, start), count, mine, partial);
    }

    /// <summary>scores[head][p] = q of the head · key p; heads two by two, keys in runs side by side like the weights of decode.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Score(float* q, float* keyRows, int count, float* target)
    {
        int pairedHeads = groupSize - (groupSize % 2);
        int runLength = count / 4;
        for (int index = 0; index < runLength && pairedHeads > 0; index++)
        {
            float* row = keyRows + ((nint)index * headDim);
            ScorePair<ReadAgain>(q, row, runLength, target + index);
            for (int head = 2; head < pairedHeads; head += 2)
                ScorePair<InCache>(q + (head * headDim), row, runLength, target + (head * BlockPositions) + index);
        }
        for (int head = 0; head < pairedHeads; head++)
            ScoreOneByOne(q + (head * headDim), keyRows, 4 * runLength, count, target + (head * BlockPositions));
        if (pairedHeads < groupSize)
            ScoreAlone(q + (pairedHeads * headDim), keyRows, count, target + (pairedHeads * BlockPositions));
    }

    /// <summary>scores[head][r · runLength] of two heads for the keys at the same place of four runs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void ScorePair<TPrefetch>(float* q, float* key, int runLength, float* target) where TPrefetch : struct, IPrefetch
    {
        float* sums = stackalloc float[8];
        DotRows<TVector, Float32Element>.FourByTwo<TPrefetch>(
            (byte*)key, (nint)runLength * headDim * sizeof(float), q, q + headDim, headDim, sums, sums + 4);
        for (int run = 0; run < 4; run++)
        {
            target[run * runLength] = sums[run];
            target[BlockPositions + (run * runLength)] = sums[4 + run];
        }
    }

    /// <summary>scores[p] of a head without another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void ScoreAlone(float* q, float* keyRows, int count, float* target)
    {
        int runLength = count / 8;
        nint rowBytes = headDim * sizeof(float);
        float* sums = stackalloc float[8];
        for (int index = 0; index < runLength; index++)
        {
            DotRows<TVector, Float32Element>.Eight((byte*)keyRows + (index * rowBytes), runLength * rowBytes, q, headDim, sums);
            for (int run = 0; run < 8; run++)
                target[index + (run * runLength)] = sums[run];
        }
        ScoreOneByOne(q, keyRows, 8 * runLength, count, target);
    }

    /// <summary>scores[p] of a head for the keys that the runs leave over, from <paramref name="first"/> on.</summary>
    private readonly void ScoreOneByOne(float* q, float* keyRows, int first, int count, float* target)
    {
        for (int index = first; index < count; index++)
            target[index] = DotRows<TVector, Float32Element>.One((byte*)(keyRows + ((nint)index * headDim)), q, headDim);
    }

    /// <summary>partial values of each head += Σ_p probabilities[head][p] · value p; heads four by four, then two, values in eight runs side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Weigh(float* valueRows, int count, float* probabilities, float* partial)
    {
        int stride = PartialLength(headDim);
        int runLength = count / 8;
        for (int index = 0; index < runLength; index++)
        {
            float* values = valueRows + ((nint)index * headDim);
            int head = WeighHeads<ReadAgain>(0, values, runLength, probabilities + index, partial + Header);
            while (head < groupSize)
                head += WeighHeads<InCache>(head, values, runLength, probabilities + index, partial + Header);
        }
        for (int index = 8 * runLength; index < count; index++)
        {
            byte* row = (byte*)(valueRows + ((nint)index * headDim));
            for (int head = 0; head < groupSize; head++)
                AccumulateRows<TVector, Float32Element, InCache>.One(row, probabilities[(head * BlockPositions) + index], headDim, partial + (head * stride) + Header);
        }
    }

    /// <summary>As many heads from <paramref name="head"/> on as one pass over eight values takes, runs apart. Returns their number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly int WeighHeads<TPrefetch>(int head, float* values, int runLength, float* probabilities, float* targets) where TPrefetch : struct, IPrefetch
    {
        int stride = PartialLength(headDim);
        nint distance = (nint)runLength * headDim;
        float* weights = probabilities + (head * BlockPositions);
        float* target = targets + (head * stride);
        int heads = groupSize - head >= 4 ? 4 : groupSize - head >= 2 ? 2 : 1;
        int columns = 0;
        if (heads == 4)
        {
            columns = headDim - (headDim % WeightedRows<TVector, TPrefetch>.ColumnsOfFour);
            WeightedRows<TVector, TPrefetch>.Four(values, distance, columns, weights, runLength, BlockPositions, target, stride);
        }
        else if (heads == 2)
        {
            columns = headDim - (headDim % WeightedRows<TVector, TPrefetch>.ColumnsOfTwo);
            WeightedRows<TVector, TPrefetch>.Two(values, distance, columns, weights, runLength, BlockPositions, target, stride);
        }
        for (int other = 0; other < heads && columns < headDim; other++)
            WeighOne<TPrefetch>(values + columns, distance, headDim - columns, weights + (other * BlockPositions), runLength, target + (other * stride) + columns);
        return heads;
    }

    /// <summary>Eight values for one head.</summary>
    private static void WeighOne<TPrefetch>(float* values, nint distance, int columns, float* weights, int runLength, float* target) where TPrefetch : struct, IPrefetch
    {
        float* scales = stackalloc float[8];
        for (int run = 0; run < 8; run++)
            scales[run] = weights[run * runLength];
        AccumulateRows<TVector, Float32Element, TPrefetch>.Eight((byte*)values, distance * sizeof(float), scales, columns, target);
    }

    private readonly void Finish(float* partial, float largest, float sum)
    {
        partial[0] = largest;
        partial[1] = sum;
        new Span<float>(partial + Header, headDim).Clear();
    }
}
