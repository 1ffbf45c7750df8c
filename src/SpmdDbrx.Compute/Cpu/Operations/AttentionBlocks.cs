using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Attention of single tokens: an item is (token, key/value head, block of positions); all query heads of a key/value head share the pass over keys and values.</summary>
/// <remarks>Each item leaves for every head the maximum m, the sum of e^(score − m) and the sum of values weighted with it
/// (online softmax, arXiv 1805.02867), which <see cref="AttentionMerge{TVector}"/> joins in order of blocks.</remarks>
internal unsafe struct AttentionBlocks<TVector>(
    RowPointer qkv, AttentionShape shape, KvPointer cache, int position, int blockCount, float* scores, float* partials) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Positions of a block.</summary>
    public const int BlockPositions = 512;

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
        nint rowBytes = headDim * sizeof(float);
        float* sums = stackalloc float[8];
        for (int index = 0; index < runLength; index++)
        {
            byte* row = (byte*)keyRows + (index * rowBytes);
            for (int head = 0; head < pairedHeads; head += 2)
            {
                DotRows<TVector, Float32Element>.FourByTwo(
                    row, runLength * rowBytes, q + (head * headDim), q + ((head + 1) * headDim), headDim, sums, sums + 4);
                float* scores = target + (head * BlockPositions) + index;
                for (int run = 0; run < 4; run++)
                {
                    scores[run * runLength] = sums[run];
                    scores[BlockPositions + (run * runLength)] = sums[4 + run];
                }
            }
        }
        for (int head = 0; head < pairedHeads; head++)
            ScoreOneByOne(q + (head * headDim), keyRows, 4 * runLength, count, target + (head * BlockPositions));
        if (pairedHeads < groupSize)
            ScoreAlone(q + (pairedHeads * headDim), keyRows, count, target + (pairedHeads * BlockPositions));
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

    /// <summary>partial values of each head += Σ_p probabilities[head][p] · value p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Weigh(float* valueRows, int count, float* probabilities, float* partial)
    {
        int runLength = count / 8;
        nint rowBytes = headDim * sizeof(float);
        float* scales = stackalloc float[8];
        for (int index = 0; index < runLength; index++)
        {
            for (int head = 0; head < groupSize; head++)
            {
                for (int run = 0; run < 8; run++)
                    scales[run] = probabilities[(head * BlockPositions) + index + (run * runLength)];
                AccumulateRows<TVector, Float32Element, ReadAgain>.Eight(
                    (byte*)valueRows + (index * rowBytes), runLength * rowBytes, scales, headDim, partial + (head * PartialLength(headDim)) + Header);
            }
        }
        for (int index = 8 * runLength; index < count; index++)
        {
            for (int head = 0; head < groupSize; head++)
            {
                AccumulateRows<TVector, Float32Element, ReadAgain>.One(
                    (byte*)valueRows + (index * rowBytes), probabilities[(head * BlockPositions) + index], headDim,
                    partial + (head * PartialLength(headDim)) + Header);
            }
        }
    }

    private readonly void Finish(float* partial, float largest, float sum)
    {
        partial[0] = largest;
        partial[1] = sum;
        new Span<float>(partial + Header, headDim).Clear();
    }
}
