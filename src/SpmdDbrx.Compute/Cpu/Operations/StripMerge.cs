using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>output = Σ of the strips' dot products [strip][token][rows], in their order; an item is a run of columns of the output.</summary>
internal readonly unsafe struct StripMerge<TVector>(float* dots, int stripCount, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Columns of an item: cheap beside the weights that their numbers took.</summary>
    private const int Length = 8192;

    public int ItemCount => (output.Columns + Length - 1) / Length;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int thread)
    {
        int first = item * Length;
        int count = Math.Min(Length, output.Columns - first);
        for (int token = 0; token < output.Rows; token++)
        {
            float* target = output.Row(token) + first;
            float* source = dots + ((long)token * output.Columns) + first;
            new Span<float>(source, count).CopyTo(new Span<float>(target, count));
            for (int strip = 1; strip < stripCount; strip++)
                RowMath<TVector>.Add(target, source + ((long)strip * output.Rows * output.Columns), count);
        }
    }
}
