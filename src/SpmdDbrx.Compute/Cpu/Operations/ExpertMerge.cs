using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Adds the chunks' sums to the output rows, in order of tokens and chunks; an item is a run of columns of a strip.</summary>
/// <remarks>Devices that work together merge every n-th run each, always the same: which of several ranks' parts an all-reduce finds a number in must not depend on who was
/// faster, or it would add those of three hosts in another order every time.</remarks>
/// <param name="pass">The pass.</param>
/// <param name="sliceCount">Its slices.</param>
/// <param name="device">This device's number among them.</param>
/// <param name="devices">Devices that work together.</param>
/// <param name="output">[output rows, D].</param>
internal readonly unsafe struct ExpertMerge<TVector, TElement>(
    ExpertPass<TVector, TElement> pass, int sliceCount, int device, int devices, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Most columns of an item: a multiple of every group of two registers.</summary>
    private const int MaxColumns = 512;

    /// <summary>How many chunks ahead sums are asked for; they lie in memory or in another core's cache.</summary>
    private const int ChunksAhead = 2;

    /// <summary>Items of this device.</summary>
    public int ItemCount => ((pass.StripCount * RunCount) - device + devices - 1) / devices;

    /// <summary>Runs of a strip; the last strip has the most columns.</summary>
    private int RunCount => (pass.Columns(pass.StripCount - 1).Count + MaxColumns - 1) / MaxColumns;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int thread)
    {
        (int strip, int run) = Math.DivRem(device + (item * devices), RunCount);
        (int start, int stripColumns) = pass.Columns(strip);
        start += run * MaxColumns;
        int count = Math.Min(MaxColumns, stripColumns - (run * MaxColumns));
        float* total = stackalloc float[MaxColumns];
        for (int index = 0; index < sliceCount; index++)
        {
            ref readonly ExpertSlice slice = ref pass.Slices[index];
            ExpertTokens tokens = slice.Tokens;
            for (int token = 0; token < tokens.Count; token++)
            {
                float* sums = slice.Sums + ((long)token * pass.PaddedColumns) + start;
                new ReadOnlySpan<float>(sums, count).CopyTo(new Span<float>(total, count));
                // What ranks that disagree run ends in an error after the all-reduce, and must not leave the sums before.
                for (int chunk = Math.Clamp(slice.Merged[strip], 1, pass.ChunkCount); chunk < pass.ChunkCount; chunk++)
                {
                    AskFor(sums, chunk + ChunksAhead, tokens.Count, count);
                    RowMath<TVector>.Add(total, sums + ((long)chunk * tokens.Count * pass.PaddedColumns), count);
                }
                LaneOrder.AddScaled<TVector, TElement>(
                    total, tokens.Weights[token], output.Row(tokens.OutputRows[token]) + start, Math.Min(count, output.Columns - start));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AskFor(float* sums, int chunk, int tokens, int count)
    {
        if (chunk >= pass.ChunkCount)
            return;
        Prefetch<ReadAgain>.Run((byte*)(sums + ((long)chunk * tokens * pass.PaddedColumns)), (long)count * sizeof(float));
    }
}
