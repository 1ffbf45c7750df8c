using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>A run of whole weight rows times panels of tokens, block by block along the columns.</summary>
internal static unsafe class RowProduct<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>sums[panel][sumRow + r] += weight[firstRow + r] · tokens.</summary>
    /// <param name="weight">The matrix.</param>
    /// <param name="firstRow">First row.</param>
    /// <param name="rows">Rows, at most <see cref="BlockProduct{TVector}.Rows"/>.</param>
    /// <param name="block">Scratch [padded rows, <see cref="BlockProduct{TVector}.Depth"/>].</param>
    /// <param name="tokens">Inputs.</param>
    /// <param name="sums">Outputs, with room for whole tiles of rows.</param>
    /// <param name="sumRow">Row of <paramref name="sums"/> that meets the first row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(WeightPointer weight, int firstRow, int rows, float* block, Panels tokens, Panels sums, int sumRow)
    {
        int blockDepth = BlockProduct<TVector>.Depth;
        int padded = Tile<TVector>.PaddedRows(rows);
        new Span<float>(block + (rows * blockDepth), (padded - rows) * blockDepth).Clear();
        for (int column = 0; column < weight.Columns; column += blockDepth)
        {
            int columns = Math.Min(blockDepth, weight.Columns - column);
            byte* first = weight.Row(firstRow) + ((long)column * TElement.Bytes);
            WeightBlock<TVector, TElement>.Widen(first, weight.Distance(1), rows, columns, block, blockDepth);
            int next = Math.Min(blockDepth, weight.Columns - column - columns);
            var fetch = new BlockFetch(first + (columns * TElement.Bytes), weight.Distance(1), rows, next * TElement.Bytes);
            int depth = LaneOrder.Padded<TVector>(columns);
            BlockProduct<TVector>.Add(block, blockDepth, 1, padded, depth, tokens, column, sums, sumRow, fetch);
        }
    }
}
