namespace SpmdDbrx.Compute.Cpu;

/// <summary>Packs rows of tokens into panels; an item is a panel.</summary>
internal unsafe struct PanelPack<TFormat>(RowPointer source, int* indices, Panels panels) : IParallelWork
    where TFormat : struct, ITileFormat
{
    public readonly void Run(int item, int thread) => TFormat.Pack(source, indices, panels, item);
}
