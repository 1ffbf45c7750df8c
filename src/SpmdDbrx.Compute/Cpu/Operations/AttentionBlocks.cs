namespace SpmdDbrx.Compute.Cpu;

/// <summary>Attention of single tokens: an item is (token, key/value head, block of positions); all query heads of a key/value head share the pass over keys and values.</summary>
/// <remarks>Each item leaves for every head the maximum m, the sum of e^(score − m) and the sum of values weighted with it
/// (online softmax, arXiv 1805.02867), which <see cref="AttentionMerge{TVector}"/> joins in order of blocks.</remarks>
internal unsafe struct AttentionBlocks<TVector>(
    RowPointer qkv, AttentionShape shape, KvPointer cache, int position, int blockCount, float* scores, float* partials) : IParallelWork
    where TVector : struct, IFloatVector<TVector>
{
    /// <summary>Positions of a block.</summary>
    public const int BlockPositions = 256;

    /// <summary>Floats in front of the weighted values of a partial result: maximum and sum, padded to keep the values aligned.</summary>
    public const int Header = 16;

    private readonly int kvHeadCount = shape.KvHeadCount;
    private readonly int groupSize = shape.HeadCount / shape.KvHeadCount;
    private readonly int headDim = shape.HeadDim;

    /// <summary>Floats of a partial result.</summary>
    public static int PartialLength(int headDim) => Header + headDim;

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
    private readonly void Score(float* q, float* keyRows, int count, float* target)
    {
        nint rowBytes = headDim * sizeof(float);
        int first = 0;
        for (; first + 4 <= count; first += 4)
        {
            byte* row = (byte*)keyRows + (first * rowBytes);
            int head = 0;
            for (; head + 2 <= groupSize; head += 2)
            {
                float* x = q + (head * headDim);
                float* sums = target + (head * BlockPositions) + first;
                DotRows<TVector, Float32Element>.FourByTwo(row, rowBytes, x, x + headDim, headDim, sums, sums + BlockPositions);
            }
            if (head < groupSize)
                ScoreOneByOne(q + (head * headDim), keyRows, first, first + 4, target + (head * BlockPositions));
        }
        for (int head = 0; head < groupSize; head++)
            ScoreOneByOne(q + (head * headDim), keyRows, first, count, target + (head * BlockPositions));
    }

    private readonly void ScoreOneByOne(float* q, float* keyRows, int start, int end, float* target)
    {
        for (int index = start; index < end; index++)
            target[index] = DotRows<TVector, Float32Element>.One((byte*)(keyRows + ((long)index * headDim)), q, headDim);
    }

    /// <summary>partial values of each head += Σ_p probabilities[head][p] · value p.</summary>
    private readonly void Weigh(float* valueRows, int count, float* probabilities, float* partial)
    {
        nint rowBytes = headDim * sizeof(float);
        int first = 0;
        for (; first + 8 <= count; first += 8)
        {
            for (int head = 0; head < groupSize; head++)
            {
                AccumulateRows<TVector, Float32Element, ReadAgain>.Eight(
                    (byte*)valueRows + (first * rowBytes), rowBytes, probabilities + (head * BlockPositions) + first, headDim,
                    partial + (head * PartialLength(headDim)) + Header);
            }
        }
        for (; first < count; first++)
        {
            for (int head = 0; head < groupSize; head++)
            {
                AccumulateRows<TVector, Float32Element, ReadAgain>.One(
                    (byte*)valueRows + (first * rowBytes), probabilities[(head * BlockPositions) + first], headDim,
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
