using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Sums of the rows of w2, scaled by the gates of each slice's tokens; an item is a chunk of a strip, with sums of its own.</summary>
/// <remarks>They are merged in the order of chunks. A thread that has run all chunks of a strip so far adds the next one's sums at once, while its caches
/// hold them: the same additions in the same order, without the way to memory and back.</remarks>
internal readonly unsafe struct ExpertSums<TVector, TElement>(ExpertPass<TVector, TElement> pass, float* threads) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Floats at the beginning of a thread's memory: a cache line, with the item that it could go on with.</summary>
    private const int HeadFloats = 16;

    private readonly int threadFloats = ThreadFloats(pass);

    /// <summary>Items of a slice.</summary>
    public int ItemCount => pass.StripCount * pass.ChunkCount;

    /// <summary>Floats of memory that each thread needs.</summary>
    public static int ThreadFloats(in ExpertPass<TVector, TElement> pass) => HeadFloats + (ExpertSlice.MaxTokens * pass.PaddedColumns);

    /// <summary>To be called before the first item: no thread can go on with anything.</summary>
    public void Reset(int threadCount)
    {
        for (int thread = 0; thread < threadCount; thread++)
            NextItem(thread) = -1;
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
        ref int nextItem = ref NextItem(thread);
        bool goesOn = nextItem == item && chunk > 0;
        float* sums = goesOn ? threads + ((long)thread * threadFloats) + HeadFloats : firstSums + ((long)chunk * tokens * pass.PaddedColumns);

        for (int token = 0; token < tokens; token++)
            new Span<float>(sums + ((long)token * pass.PaddedColumns), columns).Clear();
        (int first, int count) = pass.Rows(chunk);
        new RowStreams<TVector, TElement>(mine.Tokens.W2.Strip(strip)).Accumulate(
            first, count, tokens, pass.Dots(mine, 0, 0), pass.PaddedRows, sums, pass.PaddedColumns);

        for (int token = 0; token < tokens && goesOn; token++)
            RowMath<TVector>.Add(firstSums + ((long)token * pass.PaddedColumns), sums + ((long)token * pass.PaddedColumns), columns);
        bool isMerged = goesOn || chunk == 0;
        if (isMerged)
            mine.Merged[strip] = chunk + 1;
        nextItem = isMerged ? item + 1 : -1;
    }

    private ref int NextItem(int thread) => ref *(int*)(threads + ((long)thread * threadFloats));
}
