using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Joins the blocks of <see cref="AttentionBlocks{TVector}"/> in ascending order; an item is (token, key/value head).</summary>
internal unsafe struct AttentionMerge<TVector>(
    AttentionShape shape, int blockCount, float* partials, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    private const int Header = AttentionBlocks<TVector>.Header;

    private readonly int kvHeadCount = shape.KvHeadCount;
    private readonly int groupSize = shape.HeadCount / shape.KvHeadCount;
    private readonly int headDim = shape.HeadDim;
    private readonly int partialLength = AttentionBlocks<TVector>.PartialLength(shape.HeadDim);
    private readonly long blockStride = AttentionBlocks<TVector>.ItemLength(shape);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        int kvHead = item % kvHeadCount;
        float* target = output.Row(item / kvHeadCount) + (kvHead * groupSize * headDim);
        for (int head = 0; head < groupSize; head++)
        {
            float* first = partials + (item * blockCount * blockStride) + (head * partialLength);
            Merge(first, target + (head * headDim));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Merge(float* first, float* target)
    {
        float largest = float.NegativeInfinity;
        for (int block = 0; block < blockCount; block++)
            largest = MathF.Max(largest, first[block * blockStride]);
        new Span<float>(target, headDim).Clear();
        float sum = 0;
        for (int block = 0; block < blockCount; block++)
        {
            float* partial = first + (block * blockStride);
            float factor = float.Exp2(partial[0] - largest);
            sum += factor * partial[1];
            RowMath<TVector>.AddScaled(target, partial + Header, factor, headDim);
        }
        RowMath<TVector>.Scale(target, 1f / sum, headDim);
    }
}
