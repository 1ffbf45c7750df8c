using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>output = (input − mean) / sqrt(variance + epsilon) · weight; an item is a row.</summary>
internal unsafe struct LayerNormalization<TVector, TElement>(RowPointer input, WeightPointer weight, float epsilon, RowPointer output)
    : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        float* row = input.Row(item);
        int columns = input.Columns;
        float mean = RowMath<TVector>.Moment(row, 0, 1, columns) / columns;
        float variance = RowMath<TVector>.Moment(row, mean, 2, columns) / columns;
        WeightRow<TVector, TElement>.Normalize(row, mean, 1f / MathF.Sqrt(variance + epsilon), weight.First, output.Row(item), columns);
    }
}
