using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>hidden = silu(w1 x) ⊙ (v1 x) for the groups of a wave; an item is a block of neurons of one group.</summary>
internal unsafe struct ExpertUp<TVector, TFormat>(ExpertGroup* groups, int blockCount, float* scratch, long scratchLength) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TFormat : struct, ITileFormat
{
    /// <summary>Neurons of an item: half a block, because w1 and v1 both keep sums.</summary>
    public const int Neurons = BlockProduct<TVector, TFormat>.Rows / 2;

    /// <summary>Floats of scratch for a group of <paramref name="panels"/> panels.</summary>
    public static long ScratchLength(int panels) => Neurons * (BlockProduct<TVector, TFormat>.Depth + (2L * panels * Tile<TVector>.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        ExpertGroup group = groups[item / blockCount];
        ExpertTokens tokens = group.Tokens;
        int neuron = item % blockCount * Neurons;
        int count = Math.Min(Neurons, tokens.W1.Rows - neuron);
        float* block = scratch + (thread * scratchLength);
        var gates = new Panels((nint)(block + (Neurons * BlockProduct<TVector, TFormat>.Depth)), Neurons, group.Hidden.Lanes, tokens.Count);
        Panels values = gates with { First = (nint)gates.Row(gates.Count, 0) };
        gates.Clear();
        values.Clear();
        RowProduct<TVector, TFormat>.Add(tokens.W1, neuron, count, block, group.Inputs, gates, 0);
        RowProduct<TVector, TFormat>.Add(tokens.V1, neuron, count, block, group.Inputs, values, 0);
        for (int panel = 0; panel < gates.Count; panel++)
        {
            RowMath<TVector>.SiluProduct(gates.Row(panel, 0), values.Row(panel, 0), count * gates.Lanes);
            TFormat.PackLanes(gates.Row(panel, 0), count, group.Hidden.Row(panel, neuron / TFormat.FeaturesPerCell));
        }
    }
}
