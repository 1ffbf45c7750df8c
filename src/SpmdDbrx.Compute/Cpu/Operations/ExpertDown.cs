using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>results = w2ᵀ hidden for the groups of a wave; an item is a block of columns of one group, summed over all neurons.</summary>
internal unsafe struct ExpertDown<TVector, TElement>(
    ExpertGroup* groups, int blockCount, float* scratch, long scratchLength) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Columns of an item: the output rows of its products.</summary>
    public const int Columns = BlockProduct<TVector>.Rows;

    /// <summary>Floats of scratch for a group of <paramref name="panels"/> panels.</summary>
    public static long ScratchLength(int panels) => Columns * (BlockProduct<TVector>.Depth + ((long)panels * Tile<TVector>.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        ExpertGroup group = groups[item / blockCount];
        WeightPointer w2 = group.Tokens.W2;
        int column = item % blockCount * Columns;
        int columns = Math.Min(Columns, w2.Columns - column);
        float* block = scratch + (thread * scratchLength);
        var sums = new Panels((nint)(block + (Columns * BlockProduct<TVector>.Depth)), Columns, group.Hidden.Lanes, group.Hidden.Tokens);
        sums.Clear();
        int blockDepth = BlockProduct<TVector>.Depth;
        for (int neuron = 0; neuron < w2.Rows; neuron += blockDepth)
        {
            int depth = Math.Min(blockDepth, w2.Rows - neuron);
            WeightBlock<TVector, TElement>.Widen(Address(w2, neuron, column), w2.Distance(1), depth, columns, block, Columns);
            int next = Math.Min(blockDepth, w2.Rows - neuron - depth);
            var fetch = new BlockFetch(Address(w2, neuron + depth, column), w2.Distance(1), next, columns * TElement.Bytes);
            int rows = Tile<TVector>.PaddedRows(LaneOrder.Padded<TVector>(columns));
            BlockProduct<TVector>.Add(block, 1, Columns, rows, depth, group.Hidden, neuron, sums, 0, fetch);
        }
        for (int panel = 0; panel < sums.Count; panel++)
            PanelPacking<TVector, TElement>.Unpack(sums, panel, columns, group.Results, 0, column);
    }

    private static byte* Address(WeightPointer w2, int neuron, int column) => w2.Row(neuron) + ((long)column * TElement.Bytes);
}
