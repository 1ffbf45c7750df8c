using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>results = w2ᵀ hidden for the groups of a wave; an item is a block of columns of one group, summed over all neurons.</summary>
internal unsafe struct ExpertDown<TVector, TFormat>(ExpertGroup* groups, int blockCount, float* scratch, long scratchLength) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TFormat : struct, ITileFormat
{
    /// <summary>Columns of an item: the output rows of its products.</summary>
    public const int Columns = BlockProduct<TVector, TFormat>.Rows;

    /// <summary>Items of a group: none has columns of two strips.</summary>
    public static int BlockCount(in WeightPointer w2) => w2.StripCount * BlocksOfStrip(w2);

    /// <summary>Floats of scratch for a group of <paramref name="panels"/> panels.</summary>
    public static long ScratchLength(int panels) => Columns * (BlockProduct<TVector, TFormat>.Depth + ((long)panels * Tile<TVector>.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        ExpertGroup group = groups[item / blockCount];
        (int strip, int stripBlock) = Math.DivRem(item % blockCount, BlocksOfStrip(group.Tokens.W2));
        WeightPointer w2 = group.Tokens.W2.Strip(strip);
        int column = stripBlock * Columns;
        int columns = Math.Min(Columns, w2.Columns - column);
        float* block = scratch + (thread * scratchLength);
        var sums = new Panels((nint)(block + (Columns * BlockProduct<TVector, TFormat>.Depth)), Columns, group.Hidden.Lanes, group.Tokens.Count);
        sums.Clear();
        // Lane order may move the last columns behind their number.
        int rows = Tile<TVector>.PaddedRows(LaneOrder.Padded<TVector>(columns));
        int step = BlockProduct<TVector, TFormat>.Depth * TFormat.FeaturesPerCell;
        byte* first = w2.First + (column * w2.ElementBytes);
        for (int neuron = 0; neuron < w2.Rows; neuron += step)
        {
            int neurons = Math.Min(step, w2.Rows - neuron);
            TFormat.LoadColumns(first, w2.Distance(1), neurons, columns, block, Columns);
            first += w2.Distance(neurons);
            int next = Math.Min(step, w2.Rows - neuron - neurons);
            var fetch = new BlockFetch(first, w2.Distance(1), next, (int)(columns * w2.ElementBytes));
            int depth = (neurons + TFormat.FeaturesPerCell - 1) / TFormat.FeaturesPerCell;
            BlockProduct<TVector, TFormat>.Add(block, 1, Columns, rows, depth, group.Hidden, neuron / TFormat.FeaturesPerCell, sums, 0, fetch);
        }
        for (int panel = 0; panel < sums.Count; panel++)
            TFormat.UnpackColumns(sums, panel, columns, group.Results, (strip * w2.Columns) + column);
    }

    private static int BlocksOfStrip(in WeightPointer w2) => (w2.StripColumns + Columns - 1) / Columns;
}
