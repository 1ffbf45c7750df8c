using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Rows times panels: c[row][panel · Count + lane] = start + Σ_k a[row][k] · b[panel][k][lane], tile by tile; <see cref="ISumStart"/> has the start.</summary>
internal static unsafe class PanelProduct<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    private const int TallTile = 6, LowTile = 4;

    /// <summary>Rows rounded up to whole tiles of six, or of four where that takes fewer.</summary>
    public static int PaddedRows(int rows) => Math.Min(RoundUp(rows, TallTile), RoundUp(rows, LowTile));

    /// <typeparam name="TPrefetch">How panels are asked for ahead of their use.</typeparam>
    /// <typeparam name="TStart">What the sums begin with.</typeparam>
    /// <param name="a">Rows to broadcast, [rows, depth].</param>
    /// <param name="aRow">Floats from a row to the next.</param>
    /// <param name="rows">Rows, a result of <see cref="PaddedRows"/>.</param>
    /// <param name="b">Panels, [depth, Count] each.</param>
    /// <param name="depth">Length of the sums.</param>
    /// <param name="c">[rows, panels · Count].</param>
    /// <param name="cRow">Floats from a row of <paramref name="c"/> to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<TPrefetch, TStart>(float* a, nint aRow, int rows, PanelRun b, int depth, float* c, nint cRow)
        where TPrefetch : struct, IPrefetch
        where TStart : struct, ISumStart
    {
        Debug.Assert(rows == PaddedRows(rows));
        int threes = ThreesOf<TPrefetch>(rows, b.Count);
        int twos = (b.Count - (3 * threes)) / 2;
        // The panels of a tile come from all parts of the run, so that each part is read from front to back.
        for (int tile = 0; tile < threes; tile++)
            RunTile<TPrefetch, TStart>(3, tile, threes, a, aRow, rows, b, depth, c, cRow);
        for (int tile = 0; tile < twos; tile++)
            RunTile<TPrefetch, TStart>(2, (3 * threes) + tile, twos, a, aRow, rows, b, depth, c, cRow);
        // A panel without another is its own second one: both hold the same sums.
        if ((3 * threes) + (2 * twos) < b.Count)
            RunTile<TPrefetch, TStart>(2, b.Count - 1, 0, a, aRow, rows, b, depth, c, cRow);
    }

    /// <summary>Asks for a part of each panel that <see cref="Run"/> begins with: into all caches, where it stays until then.
    /// Does nothing where <see cref="Run"/> asks for nothing.</summary>
    /// <param name="b">As in <see cref="Run"/>.</param>
    /// <param name="rows">As in <see cref="Run"/>.</param>
    /// <param name="byteOffset">From the beginning of a panel.</param>
    /// <param name="byteLength">Bytes of each panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AskFor<TPrefetch>(PanelRun b, int rows, int byteOffset, int byteLength) where TPrefetch : struct, IPrefetch
    {
        if (TPrefetch.Distance == 0)
            return;
        (int width, int stride) = FirstTile<TPrefetch>(rows, b.Count);
        for (int panel = 0; panel < width; panel++)
            Prefetch<ReadAgain>.Run((byte*)b.Panel(panel * stride) + byteOffset, byteLength);
    }

    /// <summary>Panels of the first tile, and from each of them to the next.</summary>
    public static (int Width, int Stride) FirstTile<TPrefetch>(int rows, int panels) where TPrefetch : struct, IPrefetch
    {
        int threes = ThreesOf<TPrefetch>(rows, panels);
        return threes > 0 ? (3, threes) : (2, panels / 2);
    }

    /// <summary>Tiles of three panels, which come first.</summary>
    private static int ThreesOf<TPrefetch>(int rows, int panels) where TPrefetch : struct, IPrefetch =>
        rows % TallTile == 0 ? 0 : IsPairOfStreams<TPrefetch>() ? OddThree(panels) : Threes(panels);

    /// <summary>Whether panels come from memory to a core that draws most over two streams: Zen 5, where Zen 3 does over three.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsPairOfStreams<TPrefetch>() where TPrefetch : struct, IPrefetch =>
        TPrefetch.Distance > 0 && MemoryStreams.Count<TVector>() == MemoryStreams.Pair;

    /// <summary>One tile of three where pairs would leave a panel over.</summary>
    private static int OddThree(int panels) => panels >= 3 ? panels % 2 : 0;

    /// <summary>Tiles of three panels; the last four panels are two pairs rather than three and a single one.</summary>
    private static int Threes(int panels) => panels % 3 == 1 ? Math.Max(0, panels - 4) / 3 : panels / 3;

    /// <summary>All rows with <paramref name="width"/> panels, <paramref name="stride"/> apart from <paramref name="panel"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunTile<TPrefetch, TStart>(int width, int panel, int stride, float* a, nint aRow, int rows, PanelRun b, int depth, float* c, nint cRow)
        where TPrefetch : struct, IPrefetch
        where TStart : struct, ISumStart
    {
        float* values = b.Panel(panel);
        float* sums = c + (panel * TVector.Count);
        nint distance = stride * b.Distance;
        int sumDistance = stride * TVector.Count;
        if (rows % TallTile == 0)
        {
            Debug.Assert(width == 2);
            for (int row = 0; row < rows; row += TallTile)
                PanelTile<TVector>.SixByTwo<TPrefetch, TStart>(a + (row * aRow), aRow, 1, values, distance, TVector.Count, depth, sums + (row * cRow), cRow, sumDistance);
        }
        else if (width == 3)
        {
            for (int row = 0; row < rows; row += LowTile)
                PanelTile<TVector>.FourByThree<TPrefetch, TStart>(a + (row * aRow), aRow, values, distance, depth, sums + (row * cRow), cRow, sumDistance);
        }
        else
        {
            for (int row = 0; row < rows; row += LowTile)
                PanelTile<TVector>.FourByTwo<TPrefetch, TStart>(a + (row * aRow), aRow, values, distance, depth, sums + (row * cRow), cRow, sumDistance);
        }
    }

    private static int RoundUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;
}
