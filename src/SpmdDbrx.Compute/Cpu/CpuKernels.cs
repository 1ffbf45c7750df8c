namespace SpmdDbrx.Compute.Cpu;

/// <summary>The operations of <see cref="CpuDevice"/> on checked arguments; one implementation, specialised for each register width.</summary>
internal abstract class CpuKernels : IDisposable
{
    public abstract void Embed(ElementType type, WeightPointer table, ReadOnlySpan<int> tokens, RowPointer output);

    public abstract void LayerNorm(RowPointer input, ElementType type, WeightPointer weight, float epsilon, RowPointer output);

    public abstract void Multiply(RowPointer input, ElementType type, WeightPointer weight, RowPointer output);

    public abstract void RotateAndStore(RowPointer qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position);

    public abstract void Attend(RowPointer qkv, AttentionShape shape, KvCache cache, int layer, int position, RowPointer output);

    public abstract void RunExperts(ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, RowPointer input, RowPointer output);

    public abstract void Add(RowPointer target, RowPointer addend);

    public abstract void SumGroups(RowPointer input, int groupSize, RowPointer output);

    /// <summary>Keeps all threads busy with nothing but multiply-adds; returns the floating-point operations done.</summary>
    public abstract double RunMultiplyAdds();

    public abstract void Dispose();
}
