namespace SpmdDbrx.Compute.Cpu;

/// <summary>Adds the chunks' sums to the output rows, in order of assignments and chunks; an item is a run of columns.</summary>
internal unsafe struct ExpertMerge<TVector, TElement>(
    ExpertSlice* slices, int sliceCount, int chunkCount, float* partials, int paddedColumns, int* outputRows, float* weights, RowPointer output)
    : IParallelWork
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Columns of an item: a multiple of every group of two registers.</summary>
    public const int ItemColumns = 512;

    public readonly void Run(int item, int thread)
    {
        int start = item * ItemColumns;
        int count = Math.Min(ItemColumns, paddedColumns - start);
        float* sums = stackalloc float[ItemColumns];
        for (int index = 0; index < sliceCount; index++)
        {
            ExpertSlice slice = slices[index];
            for (int token = 0; token < slice.Count; token++)
            {
                new Span<float>(sums, count).Clear();
                float* partial = partials + ((((long)slice.Start * chunkCount) + token) * paddedColumns) + start;
                for (int chunk = 0; chunk < chunkCount; chunk++)
                    RowMath<TVector>.Add(sums, partial + ((long)chunk * slice.Count * paddedColumns), count);
                AddToOutput(sums, start, slice.Start + token);
            }
        }
    }

    private readonly void AddToOutput(float* sums, int start, int assignment)
    {
        float* row = output.Row(outputRows[assignment]) + start;
        float weight = weights[assignment];
        int count = Math.Min(ItemColumns, output.Columns - start);
        for (int column = 0; column < count; column++)
            row[column] += weight * sums[TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column];
    }
}
