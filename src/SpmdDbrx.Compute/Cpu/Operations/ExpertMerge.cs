using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Adds the chunks' sums to the output rows, in order of tokens and chunks; an item is a run of columns.</summary>
internal unsafe struct ExpertMerge<TVector, TElement>(
    ExpertSlice* slices, int sliceCount, int chunkCount, int paddedColumns, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Columns of an item: a multiple of every group of two registers.</summary>
    public const int Columns = 512;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        int start = item * Columns;
        int count = Math.Min(Columns, paddedColumns - start);
        float* total = stackalloc float[Columns];
        for (int index = 0; index < sliceCount; index++)
        {
            ExpertTokens tokens = slices[index].Tokens;
            for (int token = 0; token < tokens.Count; token++)
            {
                new Span<float>(total, count).Clear();
                float* sums = slices[index].Sums + ((long)token * paddedColumns) + start;
                for (int chunk = 0; chunk < chunkCount; chunk++)
                    RowMath<TVector>.Add(total, sums + ((long)chunk * tokens.Count * paddedColumns), count);
                AddToOutput(total, start, tokens.OutputRows[token], tokens.Weights[token]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddToOutput(float* total, int start, int outputRow, float weight)
    {
        float* row = output.Row(outputRow) + start;
        int count = Math.Min(Columns, output.Columns - start);
        for (int column = 0; column < count; column++)
            row[column] += weight * total[TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column];
    }
}
