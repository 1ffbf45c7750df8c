namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t] = 0; an item is a row.</summary>
internal readonly unsafe struct RowClear(RowPointer output) : IParallelWork
{
    public void Run(int item, int thread) => new Span<float>(output.Row(item), output.Columns).Clear();
}
