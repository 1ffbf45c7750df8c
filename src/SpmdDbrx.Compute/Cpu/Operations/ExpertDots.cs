using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Dot products of w1 and v1 with the tokens of each slice; an item is a chunk of a strip. Items in order read each expert front to back.</summary>
internal readonly unsafe struct ExpertDots<TVector, TElement>(ExpertPass<TVector, TElement> pass) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Items of a slice.</summary>
    public int ItemCount => 2 * pass.StripCount * pass.ChunkCount;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int thread)
    {
        (int slice, int part) = Math.DivRem(item, ItemCount);
        (int matrix, part) = Math.DivRem(part, pass.StripCount * pass.ChunkCount);
        (int strip, int chunk) = Math.DivRem(part, pass.ChunkCount);
        ref readonly ExpertSlice mine = ref pass.Slices[slice];
        ExpertTokens tokens = mine.Tokens;
        WeightPointer weights = (matrix == 0 ? tokens.W1 : tokens.V1).Strip(strip);
        (int first, int count) = pass.Rows(chunk);
        var inputs = new ArrangedTokens(pass.Arranged + (strip * weights.Columns), pass.PaddedColumns, tokens.InputRows, tokens.Count);
        new RowStreams<TVector, TElement>(weights, pass.AsksAhead).Dot(first, count, inputs, pass.Dots(mine, matrix, strip), pass.PaddedRows);
    }
}
