using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Sums of the rows of w2, scaled by the gates of each slice's tokens; an item is a chunk of a strip, with sums of its own.</summary>
internal readonly unsafe struct ExpertSums<TVector, TElement>(ExpertPass<TVector, TElement> pass) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Items of a slice.</summary>
    public int ItemCount => pass.StripCount * pass.ChunkCount;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int thread)
    {
        (int slice, int part) = Math.DivRem(item, ItemCount);
        (int strip, int chunk) = Math.DivRem(part, pass.ChunkCount);
        ref readonly ExpertSlice mine = ref pass.Slices[slice];
        int tokens = mine.Tokens.Count;
        WeightPointer weights = mine.Tokens.W2.Strip(strip);
        int start = strip * weights.Columns;
        // Lanes behind the last column belong to the last strip.
        int columns = strip == pass.StripCount - 1 ? pass.PaddedColumns - start : weights.Columns;
        float* sums = mine.Sums + ((long)chunk * tokens * pass.PaddedColumns) + start;
        for (int token = 0; token < tokens; token++)
            new Span<float>(sums + ((long)token * pass.PaddedColumns), columns).Clear();
        (int first, int count) = pass.Rows(chunk);
        new RowStreams<TVector, TElement>(weights).Accumulate(
            first, count, tokens, pass.Dots(mine, 0, 0), pass.PaddedRows, sums, pass.PaddedColumns);
    }
}
