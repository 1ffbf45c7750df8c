using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>hidden = silu(w1 x) ⊙ (v1 x) for the groups of a wave; an item is a block of neurons of one group.</summary>
internal unsafe struct ExpertUp<TVector, TElement>(ExpertGroup* groups, int blockCount, float* scratch, long scratchLength) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Neurons of an item: half a block, because w1 and v1 both keep sums.</summary>
    public const int Neurons = BlockProduct<TVector>.Rows / 2;

    /// <summary>Floats of scratch for a group of <paramref name="panels"/> panels.</summary>
    public static long ScratchLength(int panels) => Neurons * (BlockProduct<TVector>.Depth + ((long)panels * Tile<TVector>.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        ExpertGroup group = groups[item / blockCount];
        int neuron = item % blockCount * Neurons;
        int count = Math.Min(Neurons, group.Tokens.W1.Rows - neuron);
        int padded = Tile<TVector>.PaddedRows(count);
        float* block = scratch + (thread * scratchLength);
        Panels gates = group.Hidden;
        Panels values = gates with { First = (nint)(block + (Neurons * BlockProduct<TVector>.Depth)), Rows = Neurons };
        values.Clear();
        for (int panel = 0; panel < gates.Count; panel++)
            new Span<float>(gates.Row(panel, neuron), padded * gates.Lanes).Clear();
        RowProduct<TVector, TElement>.Add(group.Tokens.W1, neuron, count, block, group.Inputs, gates, neuron);
        RowProduct<TVector, TElement>.Add(group.Tokens.V1, neuron, count, block, group.Inputs, values, 0);
        for (int panel = 0; panel < gates.Count; panel++)
            RowMath<TVector>.SiluProduct(gates.Row(panel, neuron), values.Row(panel, 0), count * gates.Lanes);
    }
}
