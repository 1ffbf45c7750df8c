using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Rows times panels: c[row][panel · Count + lane] += Σ_k a[row][k] · b[panel][k][lane], tile by tile.</summary>
internal static unsafe class PanelProduct<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    private const int Six = 6;
    private const int Four = 4;

    /// <summary>Rows rounded up to whole tiles of six, or of four where that takes fewer.</summary>
    public static int PaddedRows(int rows) => Math.Min(RoundUp(rows, Six), RoundUp(rows, Four));

    /// <param name="a">Rows to broadcast, [rows, depth].</param>
    /// <param name="aRow">Floats from a row to the next.</param>
    /// <param name="rows">Rows, a result of <see cref="PaddedRows"/>.</param>
    /// <param name="b">Panels, [depth, Count] each.</param>
    /// <param name="depth">Length of the sums.</param>
    /// <param name="c">[rows, panels · Count].</param>
    /// <param name="cRow">Floats from a row of <paramref name="c"/> to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* a, nint aRow, int rows, PanelRun b, int depth, float* c, nint cRow)
    {
        bool sixes = rows % Six == 0;
        // Four rows meet three panels; the last four panels are two pairs rather than three and a single one.
        int threes = sixes ? 0 : b.Count % 3 == 1 ? Math.Max(0, b.Count - 4) / 3 : b.Count / 3;
        int twos = (b.Count - (3 * threes)) / 2;
        int height = sixes ? Six : Four;
        delegate*<float*, nint, float*, nint, int, float*, nint, nint, void> three = &PanelTile<TVector>.FourByThree;
        delegate*<float*, nint, float*, nint, int, float*, nint, nint, void> two = sixes ? &PanelTile<TVector>.SixByTwo : &PanelTile<TVector>.FourByTwo;
        // The panels of a tile come from all parts of the run, so that each part is read from front to back.
        for (int tile = 0; tile < threes; tile++)
            AddTile(three, a, aRow, rows, height, b, tile, threes, depth, c, cRow);
        for (int tile = 0; tile < twos; tile++)
            AddTile(two, a, aRow, rows, height, b, (3 * threes) + tile, twos, depth, c, cRow);
        // A panel without another is its own second one: both hold the same sums.
        if (threes == 0 && b.Count % 2 > 0)
            AddTile(two, a, aRow, rows, height, b, b.Count - 1, 0, depth, c, cRow);
    }

    /// <summary>All rows with the panels that follow <paramref name="panel"/> a stride apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddTile(
        delegate*<float*, nint, float*, nint, int, float*, nint, nint, void> tile,
        float* a, nint aRow, int rows, int height, PanelRun b, int panel, int stride, int depth, float* c, nint cRow)
    {
        for (int row = 0; row < rows; row += height)
        {
            tile(
                a + (row * aRow), aRow, b.Panel(panel), stride * b.Distance, depth,
                c + (row * cRow) + (panel * TVector.Count), cRow, stride * TVector.Count);
        }
    }

    private static int RoundUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;
}
