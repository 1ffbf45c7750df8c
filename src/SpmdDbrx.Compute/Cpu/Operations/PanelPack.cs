namespace SpmdDbrx.Compute.Cpu;

/// <summary>Packs rows of tokens into panels; an item is a panel.</summary>
internal unsafe struct PanelPack<TVector, TElement>(RowPointer source, int* indices, Panels panels) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    public readonly void Run(int item, int thread) => PanelPacking<TVector, TElement>.Pack(source, indices, panels, item);
}
