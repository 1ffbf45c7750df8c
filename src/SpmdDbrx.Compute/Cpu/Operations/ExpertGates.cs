using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>gates = silu(w1 x) ⊙ (v1 x) from the dot products of their strips, in place of those of the first strip of w1; an item is a run of neurons of one slice.</summary>
internal readonly unsafe struct ExpertGates<TVector, TElement>(ExpertPass<TVector, TElement> pass) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Neurons of an item: whole registers.</summary>
    private const int Length = 2048;

    /// <summary>Items of a slice.</summary>
    public int ItemCount => (pass.PaddedRows + Length - 1) / Length;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int thread)
    {
        (int slice, int part) = Math.DivRem(item, ItemCount);
        ref readonly ExpertSlice mine = ref pass.Slices[slice];
        int first = part * Length;
        int count = Math.Min(Length, pass.PaddedRows - first);
        for (int token = 0; token < mine.Tokens.Count; token++)
        {
            long start = ((long)token * pass.PaddedRows) + first;
            float* gates = pass.Dots(mine, 0, 0) + start;
            float* values = pass.Dots(mine, 1, 0) + start;
            for (int strip = 1; strip < pass.StripCount; strip++)
            {
                RowMath<TVector>.Add(gates, pass.Dots(mine, 0, strip) + start, count);
                RowMath<TVector>.Add(values, pass.Dots(mine, 1, strip) + start, count);
            }
            RowMath<TVector>.SiluProduct(gates, values, count);
        }
    }
}
