namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t] = Σ_j input[t · groupSize + j] in ascending order of j; an item is a row of the output.</summary>
internal readonly unsafe struct GroupSum<TVector>(RowPointer input, int groupSize, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    public void Run(int item, int thread)
    {
        float* target = output.Row(item);
        int first = item * groupSize;
        new ReadOnlySpan<float>(input.Row(first), output.Columns).CopyTo(new Span<float>(target, output.Columns));
        for (int addend = first + 1; addend < first + groupSize; addend++)
            RowMath<TVector>.Add(target, input.Row(addend), output.Columns);
    }
}
