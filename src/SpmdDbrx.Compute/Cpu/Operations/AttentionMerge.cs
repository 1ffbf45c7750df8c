namespace SpmdDbrx.Compute.Cpu;

/// <summary>Joins the blocks of <see cref="AttentionBlocks{TVector}"/> in ascending order; an item is (token, key/value head).</summary>
internal unsafe struct AttentionMerge<TVector>(
    float* partials, int blockCount, int kvHeadCount, int groupSize, int headDim, RowPointer output) : IParallelWork
    where TVector : struct, IFloatVector<TVector>
{
    private const int Header = AttentionBlocks<TVector>.Header;

    public readonly void Run(int item, int thread)
    {
        int kvHead = item % kvHeadCount;
        float* target = output.Row(item / kvHeadCount) + (kvHead * groupSize * headDim);
        long blockStride = (long)groupSize * (Header + headDim);
        for (int head = 0; head < groupSize; head++)
        {
            float* first = partials + ((long)item * blockCount * blockStride) + (head * (Header + headDim));
            Merge(first, blockStride, target + (head * headDim));
        }
    }

    private readonly void Merge(float* first, long blockStride, float* target)
    {
        float largest = float.NegativeInfinity;
        for (int block = 0; block < blockCount; block++)
            largest = MathF.Max(largest, first[block * blockStride]);
        new Span<float>(target, headDim).Clear();
        float sum = 0;
        for (int block = 0; block < blockCount; block++)
        {
            float* partial = first + (block * blockStride);
            float factor = MathF.Exp(partial[0] - largest);
            sum += factor * partial[1];
            RowMath<TVector>.AddScaled(target, partial + Header, factor, headDim);
        }
        RowMath<TVector>.Scale(target, 1f / sum, headDim);
    }
}
