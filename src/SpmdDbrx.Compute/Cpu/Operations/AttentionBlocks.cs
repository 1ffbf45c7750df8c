namespace SpmdDbrx.Compute.Cpu;

/// <summary>Attention of single tokens: an item is (token, key/value head, block of positions); all query heads of a key/value head share the pass over keys and values.</summary>
/// <remarks>Each item leaves for every head the maximum m, the sum of e^(score − m) and the sum of values weighted with it
/// (online softmax, arXiv 1805.02867), which <see cref="AttentionMerge{TVector}"/> joins in order of blocks.</remarks>
internal unsafe struct AttentionBlocks<TVector>(
    RowPointer qkv, int kvHeadCount, int groupSize, int headDim, float* keys, float* values, int capacity, int position,
    float* scores, float* partials, int blockCount) : IParallelWork
    where TVector : struct, IFloatVector<TVector>
{
    /// <summary>Positions of a block.</summary>
    public const int BlockPositions = 256;

    /// <summary>Floats in front of the weighted values of a partial result: maximum and sum, padded to keep the values aligned.</summary>
    public const int Header = 16;

    /// <summary>Positions whose values stay in the first-level cache while all heads use them.</summary>
    private const int ValueRows = 32;

    public readonly void Run(int item, int thread)
    {
        int block = item % blockCount;
        int kvHead = item / blockCount % kvHeadCount;
        int token = item / blockCount / kvHeadCount;
        int start = block * BlockPositions;
        int count = Math.Min(BlockPositions, position + token + 1 - start);
        float* q = qkv.Row(token) + (kvHead * groupSize * headDim);
        float* partial = partials + ((long)item * groupSize * (Header + headDim));
        if (count <= 0)
        {
            for (int head = 0; head < groupSize; head++)
                Finish(partial + (head * (Header + headDim)), float.NegativeInfinity, 0);
            return;
        }
        long offset = (((long)kvHead * capacity) + start) * headDim;
        float* mine = scores + ((long)thread * groupSize * BlockPositions);
        Score(q, keys + offset, count, mine);
        float scale = 1f / MathF.Sqrt(headDim);
        for (int head = 0; head < groupSize; head++)
        {
            float* row = mine + (head * BlockPositions);
            float largest = RowMath<TVector>.Largest(row, count) * scale;
            float sum = RowMath<TVector>.Exponentials(row, scale, largest, count);
            Finish(partial + (head * (Header + headDim)), largest, sum);
        }
        Weigh(values + offset, count, mine, partial);
    }

    /// <summary>scores[head][p] = q of the head · key p.</summary>
    private readonly void Score(float* q, float* keyRows, int count, float* target)
    {
        float* sums = stackalloc float[8];
        for (int first = 0; first < count; first += 4)
        {
            int rows = Math.Min(4, count - first);
            byte* key0 = (byte*)(keyRows + ((long)first * headDim));
            byte* key1 = key0 + ((long)Math.Min(1, rows - 1) * headDim * sizeof(float));
            byte* key2 = key0 + ((long)Math.Min(2, rows - 1) * headDim * sizeof(float));
            byte* key3 = key0 + ((long)Math.Min(3, rows - 1) * headDim * sizeof(float));
            int head = 0;
            for (; head + 2 <= groupSize; head += 2)
            {
                float* x = q + (head * headDim);
                DotRows<TVector, Float32Element>.FourByTwo(key0, key1, key2, key3, x, x + headDim, headDim, sums);
                new ReadOnlySpan<float>(sums, rows).CopyTo(new Span<float>(target + (head * BlockPositions) + first, rows));
                new ReadOnlySpan<float>(sums + 4, rows).CopyTo(new Span<float>(target + ((head + 1) * BlockPositions) + first, rows));
            }
            if (head < groupSize)
            {
                DotRows<TVector, Float32Element>.Four(key0, key1, key2, key3, q + (head * headDim), headDim, sums);
                new ReadOnlySpan<float>(sums, rows).CopyTo(new Span<float>(target + (head * BlockPositions) + first, rows));
            }
        }
    }

    private readonly void Weigh(float* valueRows, int count, float* probabilities, float* partial)
    {
        for (int first = 0; first < count; first += ValueRows)
        {
            int rows = Math.Min(ValueRows, count - first);
            for (int head = 0; head < groupSize; head++)
            {
                AccumulateRows<TVector, Float32Element>.Run(
                    (byte*)(valueRows + ((long)first * headDim)), (long)headDim * sizeof(float), rows,
                    probabilities + (head * BlockPositions) + first, headDim, partial + (head * (Header + headDim)) + Header);
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
