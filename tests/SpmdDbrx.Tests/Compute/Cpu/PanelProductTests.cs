using System.Runtime.InteropServices;
using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

public unsafe class PanelProductTests
{
    private const float Guard = -77;

    [Fact]
    public void Run_EveryShape_MatchesPlainSumsAndWritesNothingElse()
    {
        foreach (int rows in new[] { 1, 4, 5, 6, 7, 9, 12, 16, 18, 24, 48 })
        {
            for (int panels = 1; panels <= 17; panels++)
            {
                Check<FloatVector128, NoPrefetch>(rows, panels, depth: 5);
                Check<FloatVector256, NoPrefetch>(rows, panels, depth: 6);
                Check<FloatVector512, NoPrefetch>(rows, panels, depth: 7);
                Check<FloatVector128, ReadOnceFar>(rows, panels, depth: 9);
                Check<FloatVector256, ReadOnceFar>(rows, panels, depth: 9);
                Check<FloatVector512, ReadOnceFarther>(rows, panels, depth: 9);
            }
        }
    }

    /// <summary>Which no result shows either.</summary>
    [Fact]
    public void Run_Panels_AreAskedForLineByLineOnce()
    {
        foreach ((int rows, int panels) in new[] { (4, 2), (4, 3), (6, 2) })
        {
            CheckLines<FloatVector128>(rows, panels);
            CheckLines<FloatVector256>(rows, panels);
            CheckLines<FloatVector512>(rows, panels);
        }
    }

    /// <summary>What is asked for before a product must be what it begins with, which no result shows.</summary>
    [Fact]
    public void FirstTile_Panels_AreThoseThatTheProductReadsSideBySide()
    {
        Assert.Equal((3, 1), PanelProduct<FloatVector512>.FirstTile<ReadOnceFarther>(rows: 4, panels: 3));
        Assert.Equal((2, 4), PanelProduct<FloatVector512>.FirstTile<ReadOnceFarther>(rows: 4, panels: 8));
        Assert.Equal((2, 60), PanelProduct<FloatVector512>.FirstTile<ReadOnceFarther>(rows: 4, panels: 120));
        Assert.Equal((3, 80), PanelProduct<FloatVector256>.FirstTile<ReadOnceFar>(rows: 4, panels: 240));
        Assert.Equal((3, 4), PanelProduct<FloatVector256>.FirstTile<ReadOnceFar>(rows: 4, panels: 16));
        Assert.Equal((2, 2), PanelProduct<FloatVector256>.FirstTile<ReadOnceFar>(rows: 4, panels: 4));
        Assert.Equal((2, 3), PanelProduct<FloatVector512>.FirstTile<ReadOnceFarther>(rows: 6, panels: 7));
        for (int panels = 1; panels <= 17; panels++)
        {
            foreach (int rows in new[] { 4, 6 })
            {
                CheckFirstTile(PanelProduct<FloatVector256>.FirstTile<ReadOnceFar>(rows, panels), panels);
                CheckFirstTile(PanelProduct<FloatVector512>.FirstTile<ReadOnceFarther>(rows, panels), panels);
            }
        }

        static void CheckFirstTile((int Width, int Stride) tile, int panels)
        {
            Assert.True((tile.Width - 1) * tile.Stride < panels);
            Assert.Equal(panels > 1, tile.Stride > 0);
        }
    }

    [Fact]
    public void PaddedRows_AnyRows_IsTheNextMultipleOfFourOrSix()
    {
        for (int rows = 1; rows <= 100; rows++)
        {
            int expected = Enumerable.Range(rows, 6).First(count => count % 4 == 0 || count % 6 == 0);
            Assert.Equal(expected, PanelProduct<FloatVector256>.PaddedRows(rows));
        }
    }

    /// <summary>Small integers, so that every order of summation is exact.</summary>
    private static void Check<TVector, TPrefetch>(int rows, int panels, int depth)
        where TVector : unmanaged, IFloatVector<TVector>
        where TPrefetch : struct, IPrefetch
    {
        Check<TVector, TPrefetch, FromSums>(rows, panels, depth, before: row => row, start: row => row);
        Check<TVector, TPrefetch, FromZero>(rows, panels, depth, before: _ => float.NaN, start: _ => 0);
    }

    private static void Check<TVector, TPrefetch, TStart>(int rows, int panels, int depth, Func<int, float> before, Func<int, float> start)
        where TVector : unmanaged, IFloatVector<TVector>
        where TPrefetch : struct, IPrefetch
        where TStart : struct, ISumStart
    {
        rows = PanelProduct<TVector>.PaddedRows(rows);
        int lanes = TVector.Count;
        int columns = panels * lanes;
        int aRow = depth + 1, bDistance = (depth * lanes) + 2, cRow = columns + 3;
        float[] a = new float[rows * aRow], b = new float[panels * bDistance], c = new float[rows * cRow];
        Fill(a, 7);
        Fill(b, 11);
        c.AsSpan().Fill(Guard);
        for (int row = 0; row < rows; row++)
            c.AsSpan(row * cRow, columns).Fill(before(row));
        fixed (float* aFirst = a, bFirst = b, cFirst = c)
            PanelProduct<TVector>.Run<TPrefetch, TStart>(aFirst, aRow, rows, new PanelRun(bFirst, bDistance, panels), depth, cFirst, cRow);
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                float sum = start(row);
                for (int k = 0; k < depth; k++)
                    sum += a[(row * aRow) + k] * b[(column / lanes * bDistance) + (k * lanes) + (column % lanes)];
                Assert.Equal(sum, c[(row * cRow) + column]);
            }
            for (int behind = columns; behind < cRow; behind++)
                Assert.Equal(Guard, c[(row * cRow) + behind]);
        }
    }

    private static void CheckLines<TVector>(int rows, int panels) where TVector : unmanaged, IFloatVector<TVector>
    {
        const int Depth = 16, Line = 64;
        int panelBytes = Depth * sizeof(TVector);
        float[] a = new float[rows * Depth], c = new float[rows * panels * TVector.Count];
        void* b = NativeMemory.AlignedAlloc((nuint)(panels * panelBytes), Line);
        NativeMemory.Clear(b, (nuint)(panels * panelBytes));
        Recorder.Lines.Clear();
        fixed (float* aFirst = a, cFirst = c)
        {
            PanelRun run = new((float*)b, panelBytes / sizeof(float), panels);
            PanelProduct<TVector>.Run<Recorder, FromZero>(aFirst, Depth, rows, run, Depth, cFirst, panels * TVector.Count);
        }
        NativeMemory.AlignedFree(b);
        IEnumerable<long> expected = Enumerable.Range(0, panels * panelBytes / Line).Select(line => (long)b + Recorder.Distance + (line * Line));
        Assert.Equal(expected, Recorder.Lines.Order());
    }

    private readonly struct Recorder : IPrefetch
    {
        public static readonly List<long> Lines = [];

        public static int Distance => 1024;

        public static void Line(byte* position) => Lines.Add((long)position);
    }

    private static void Fill(float[] values, int period)
    {
        for (int index = 0; index < values.Length; index++)
            values[index] = (index % period) - (period / 2);
    }
}
