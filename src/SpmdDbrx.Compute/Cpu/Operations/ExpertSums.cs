using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Sums of the rows of w2, scaled by the gates silu(w1 x) ⊙ (v1 x) of each slice's tokens; an item is a chunk of a strip, with sums of its own.</summary>
/// <remarks>A thread computes all gates of a slice with its first item of it: that costs less than one more phase that all threads wait for and, while few threads share a slice,
/// less than the gates of each chunk by themselves, for which short runs of dot products come from memory. Sums are merged in the order of chunks. A thread that has run all
/// chunks of a strip so far adds the next one's sums at once, while its caches hold them: the same additions in the same order, without the way to memory and back.</remarks>
internal readonly unsafe struct ExpertSums<TVector, TElement>(ExpertPass<TVector, TElement> pass, float* threads) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Floats at the beginning of a thread's memory: a cache line, with a <see cref="Progress"/>.</summary>
    private const int HeadFloats = 16;

    private readonly int threadFloats = ThreadFloats(pass);

    /// <summary>Items of a slice.</summary>
    public int ItemCount => pass.StripCount * pass.ChunkCount;

    /// <summary>Floats of memory that each thread needs, whole cache lines: the head, sums of a chunk, gates, and the values that these are multiplied with.</summary>
    public static int ThreadFloats(in ExpertPass<TVector, TElement> pass)
    {
        int floats = HeadFloats + (ExpertSlice.MaxTokens * pass.PaddedColumns) + ((ExpertSlice.MaxTokens + 1) * pass.PaddedRows);
        return (floats + HeadFloats - 1) / HeadFloats * HeadFloats;
    }

    /// <summary>To be called before the first item: no thread has done anything.</summary>
    public void Reset(int threadCount)
    {
        for (int thread = 0; thread < threadCount; thread++)
            ProgressOf(thread) = new Progress { NextItem = -1, GatedSlice = -1 };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int thread)
    {
        (int slice, int part) = Math.DivRem(item, ItemCount);
        (int strip, int chunk) = Math.DivRem(part, pass.ChunkCount);
        ref readonly ExpertSlice mine = ref pass.Slices[slice];
        int tokens = mine.Tokens.Count;
        (int start, int columns) = pass.Columns(strip);
        float* firstSums = mine.Sums + start;
        ref Progress progress = ref ProgressOf(thread);
        bool goesOn = progress.NextItem == item && chunk > 0;
        float* ownSums = threads + ((long)thread * threadFloats) + HeadFloats;
        float* gates = ownSums + ((long)ExpertSlice.MaxTokens * pass.PaddedColumns);
        float* sums = goesOn ? ownSums : firstSums + ((long)chunk * tokens * pass.PaddedColumns);

        if (progress.GatedSlice != slice)
        {
            Gate(mine, gates);
            progress.GatedSlice = slice;
        }
        for (int token = 0; token < tokens; token++)
            new Span<float>(sums + ((long)token * pass.PaddedColumns), columns).Clear();
        (int first, int count) = pass.Rows(chunk);
        var rows = new RowStreams<TVector, TElement>(mine.Tokens.W2.Strip(strip), pass.AsksAhead);
        rows.Accumulate(first, count, tokens, gates, pass.PaddedRows, sums, pass.PaddedColumns);

        for (int token = 0; token < tokens && goesOn; token++)
            RowMath<TVector>.Add(firstSums + ((long)token * pass.PaddedColumns), sums + ((long)token * pass.PaddedColumns), columns);
        bool isMerged = goesOn || chunk == 0;
        if (isMerged)
            mine.Merged[strip] = chunk + 1;
        progress.NextItem = isMerged ? item + 1 : -1;
    }

    /// <summary>gates [token][padded F], from the dot products of all strips.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gate(in ExpertSlice slice, float* gates)
    {
        int count = slice.Tokens.W2.Rows;
        float* values = gates + ((long)ExpertSlice.MaxTokens * pass.PaddedRows);
        for (int token = 0; token < slice.Tokens.Count; token++)
        {
            long start = (long)token * pass.PaddedRows;
            AddStrips(slice, 0, start, count, gates + start);
            AddStrips(slice, 1, start, count, values);
            RowMath<TVector>.SiluProduct(gates + start, values, count);
        }
    }

    /// <summary>target = Σ of the strips' dot products with a matrix, in their order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AddStrips(in ExpertSlice slice, int matrix, long start, int count, float* target)
    {
        new ReadOnlySpan<float>(pass.Dots(slice, matrix, 0) + start, count).CopyTo(new Span<float>(target, count));
        for (int strip = 1; strip < pass.StripCount; strip++)
            RowMath<TVector>.Add(target, pass.Dots(slice, matrix, strip) + start, count);
    }

    private ref Progress ProgressOf(int thread) => ref *(Progress*)(threads + ((long)thread * threadFloats));

    private struct Progress
    {
        /// <summary>The item that the thread could go on with, its sums of the chunk before still in its caches; −1 = none.</summary>
        public int NextItem;

        /// <summary>Slice whose gates the thread has; −1 = none.</summary>
        public int GatedSlice;
    }
}
