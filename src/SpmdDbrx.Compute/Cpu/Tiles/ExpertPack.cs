using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Gathers the inputs of a wave into panels; an item is a panel of one group.</summary>
internal unsafe struct ExpertPack<TFormat>(ExpertGroup* groups, RowPointer input) : IParallelWork
    where TFormat : struct, ITileFormat
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        ExpertGroup* group = groups;
        for (; item >= group->Inputs.Count; group++)
            item -= group->Inputs.Count;
        TFormat.Pack(input, group->Tokens.InputRows, group->Inputs, item);
    }
}
