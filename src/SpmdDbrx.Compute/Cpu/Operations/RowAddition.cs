using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t] (+)= Σ_j input[t · groupSize + j] in ascending order of j; an item is a row.</summary>
internal unsafe struct RowAddition<TVector>(RowPointer input, int groupSize, RowPointer output, bool addToTarget) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        float* target = output.Row(item);
        if (!addToTarget)
            new Span<float>(target, output.Columns).Clear();
        for (int addend = 0; addend < groupSize; addend++)
            RowMath<TVector>.Add(target, input.Row((item * groupSize) + addend), output.Columns);
    }
}
