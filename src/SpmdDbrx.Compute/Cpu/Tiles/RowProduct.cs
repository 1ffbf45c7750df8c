using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>A run of weight rows times panels of tokens, block by block along the columns; no block has columns of two strips.</summary>
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
        for (int column = 0, columns; column < weight.Columns; column += columns)
        {
            columns = Math.Min(step, weight.ColumnsLeft(column));
            TFormat.LoadRows(weight.Element(firstRow, column), weight.Distance(1), rows, columns, block, cells);
            int next = column + columns;
            long nextColumns = next < weight.Columns ? Math.Min(step, weight.ColumnsLeft(next)) : 0;
            byte* nextFirst = nextColumns == 0 ? null : weight.Element(firstRow, next);
            var fetch = new BlockFetch(nextFirst, weight.Distance(1), rows, (int)(nextColumns * weight.ElementBytes));
            BlockProduct<TVector, TFormat>.Add(
                block, cells, 1, padded, TFormat.Cells(columns), tokens, column / TFormat.FeaturesPerCell, sums, sumRow, fetch);
        }
    }
}
