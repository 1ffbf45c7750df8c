using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>A run of whole weight rows times panels of tokens, block by block along the columns.</summary>
internal static unsafe class RowProduct<TVector, TFormat>
    where TVector : unmanaged, IFloatVector<TVector>
    where TFormat : struct, ITileFormat
{
    /// <summary>sums[panel][sumRow + r] += weight[firstRow + r] · tokens.</summary>
    /// <param name="weight">The matrix.</param>
    /// <param name="firstRow">First row.</param>
    /// <param name="rows">Rows, at most <see cref="BlockProduct{TVector, TFormat}.Rows"/>.</param>
    /// <param name="block">Scratch [padded rows, <see cref="BlockProduct{TVector, TFormat}.Depth"/>].</param>
    /// <param name="tokens">Inputs.</param>
    /// <param name="sums">Outputs, with room for whole tiles of rows.</param>
    /// <param name="sumRow">Row of <paramref name="sums"/> that meets the first row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(WeightPointer weight, int firstRow, int rows, float* block, Panels tokens, Panels sums, int sumRow)
    {
        int cells = BlockProduct<TVector, TFormat>.Depth;
        int padded = Tile<TVector>.PaddedRows(rows);
        new Span<float>(block + (rows * cells), (padded - rows) * cells).Clear();
        int step = cells * TFormat.FeaturesPerCell;
        long elementBytes = weight.ElementBytes;
        for (int column = 0; column < weight.Columns; column += step)
        {
            int columns = Math.Min(step, weight.Columns - column);
            byte* first = weight.Row(firstRow) + (column * elementBytes);
            TFormat.LoadRows(first, weight.Distance(1), rows, columns, block, cells);
            long next = Math.Min(step, weight.Columns - column - columns);
            var fetch = new BlockFetch(first + (columns * elementBytes), weight.Distance(1), rows, (int)(next * elementBytes));
            BlockProduct<TVector, TFormat>.Add(
                block, cells, 1, padded, TFormat.Cells(columns), tokens, column / TFormat.FeaturesPerCell, sums, sumRow, fetch);
        }
    }
}
