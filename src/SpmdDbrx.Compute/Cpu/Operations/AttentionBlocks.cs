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

    /// <summary>scores[head][p] = q of the head · key p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Score(float* q, float* keyRows, int count, float* target)
    {
        // Runs of keys side by side, like the weights of decode.
        int runLength = count / 4;
        nint rowBytes = headDim * sizeof(float);
        float* sums = stackalloc float[8];
        for (int index = 0; index < runLength; index++)
        {
            byte* row = (byte*)keyRows + (index * rowBytes);
            for (int head = 0; head < groupSize; head += 2)
            {
                // An odd last head is computed twice.
                int other = Math.Min(head + 1, groupSize - 1);
                DotRows<TVector, Float32Element>.FourByTwo(
                    row, runLength * rowBytes, q + (head * headDim), q + (other * headDim), headDim, sums, sums + 4);
                for (int run = 0; run < 4; run++)
                {
                    target[(head * BlockPositions) + index + (run * runLength)] = sums[run];
                    target[(other * BlockPositions) + index + (run * runLength)] = sums[4 + run];
                }
            }
        }
        for (int index = 4 * runLength; index < count; index++)
        {
            for (int head = 0; head < groupSize; head++)
                target[(head * BlockPositions) + index] = DotRows<TVector, Float32Element>.One((byte*)keyRows + (index * rowBytes), q + (head * headDim), headDim);
        }
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
