namespace SpmdDbrx.Compute.Cpu;

/// <summary>target[t] += addend[t]; an item is a row.</summary>
internal readonly unsafe struct RowAddition<TVector>(RowPointer addend, RowPointer target) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    public void Run(int item, int thread) => RowMath<TVector>.Add(target.Row(item), addend.Row(item), target.Columns);
}
