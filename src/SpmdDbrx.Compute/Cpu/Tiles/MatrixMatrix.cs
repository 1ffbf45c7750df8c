using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t, o] = input[t] · weight[o] for many tokens: an item is a block of weight rows times a run of panels.</summary>
/// <remarks>Every sum runs over the columns in the same order, whatever the items are, so they may depend on the number of threads.</remarks>
internal unsafe struct MatrixMatrix<TVector, TFormat>(
    Panels inputs, WeightPointer weight, RowPointer output, int rowsPerItem, int panelsPerItem, float* blocks) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TFormat : struct, ITileFormat
{
    /// <summary>Items a thread should have, so that none runs alone for long: they are claimed one by one.</summary>
    private const int ItemsPerThread = 8;

    /// <summary>Fewer rows or panels would read their inputs from memory too often.</summary>
    private const int MinRows = 48, MinPanels = 4;

    private readonly int rowBlocks = (weight.Rows + rowsPerItem - 1) / rowsPerItem;

    public static void Run(ThreadTeam team, Scratch scratch, RowPointer input, WeightPointer weight, RowPointer output)
    {
        var inputs = new Panels(0, TFormat.Cells(input.Columns), Tile<TVector>.Lanes, input.Rows);
        inputs = inputs with { First = (nint)scratch.Inputs.Floats(inputs.Length) };
        var pack = new PanelPack<TFormat>(input, null, inputs);
        team.Run(inputs.Count, ref pack);

        int rowsPerItem = BlockProduct<TVector, TFormat>.Rows;
        while (rowsPerItem > MinRows && weight.Rows / rowsPerItem < ItemsPerThread * team.Count)
            rowsPerItem /= 2;
        int rowBlocks = (weight.Rows + rowsPerItem - 1) / rowsPerItem;
        int panelsPerItem = inputs.Count;
        while (panelsPerItem > MinPanels && rowBlocks * inputs.Count / panelsPerItem < ItemsPerThread * team.Count)
            panelsPerItem = (panelsPerItem + 1) / 2;
        float* blocks = scratch.Threads.Floats(ScratchLength(rowsPerItem, panelsPerItem) * team.Count);
        var work = new MatrixMatrix<TVector, TFormat>(inputs, weight, output, rowsPerItem, panelsPerItem, blocks);
        team.Run(rowBlocks * ((inputs.Count + panelsPerItem - 1) / panelsPerItem), ref work);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        int firstPanel = item / rowBlocks * panelsPerItem;
        int firstToken = firstPanel * inputs.Lanes;
        int firstRow = item % rowBlocks * rowsPerItem;
        int rows = Math.Min(rowsPerItem, weight.Rows - firstRow);
        float* block = blocks + (thread * ScratchLength(rowsPerItem, panelsPerItem));
        int tokens = Math.Min(panelsPerItem * inputs.Lanes, inputs.Tokens - firstToken);
        Panels mine = inputs with { First = (nint)inputs.Row(firstPanel, 0), Tokens = tokens };
        var sums = new Panels((nint)(block + (rowsPerItem * BlockProduct<TVector, TFormat>.Depth)), rowsPerItem, inputs.Lanes, tokens);
        sums.Clear();
        RowProduct<TVector, TFormat>.Add(weight, firstRow, rows, block, mine, sums, 0);
        for (int panel = 0; panel < sums.Count; panel++)
            PanelPacking<TVector, Float32Element>.Unpack(sums, panel, rows, output, firstToken, firstRow);
    }

    private static long ScratchLength(int rows, int panels) =>
        rows * (BlockProduct<TVector, TFormat>.Depth + ((long)panels * Tile<TVector>.Lanes));
}
