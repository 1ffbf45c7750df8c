using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Two weight rows at a time, each the next of a long run through memory: their dot products with a vector, or their scaled sum added to one.</summary>
/// <remarks>One core of Zen 5 draws more from memory over two streams than over eight, and most while one load instruction walks all of a
/// stream: its prefetchers learn by instruction. So both operations are one loop, whose weights are loaded in one place, and a caller reads on
/// where it stopped. Vectors stand in lane order, padded to whole groups.</remarks>
internal static unsafe class RowPair<TVector, TElement, TPrefetch>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
    where TPrefetch : struct, IPrefetch
{
    /// <summary>sums[r] = row r · x for two rows [columns], the second one <paramref name="distance"/> bytes behind the first.</summary>
    public static void Dot(byte* row, nint distance, float* x, int columns, float* sums) => Walk(row, distance, x, columns, sums, accumulate: false);

    /// <summary>target += Σ_r scales[r] · row r for two such rows.</summary>
    public static void Accumulate(byte* row, nint distance, float* scales, int columns, float* target) =>
        Walk(row, distance, target, columns, scales, accumulate: true);

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Walk(byte* row, nint distance, float* vector, int columns, float* scalars, bool accumulate)
    {
        TVector scale0 = TVector.Zero, scale1 = TVector.Zero;
        if (accumulate)
        {
            scale0 = TVector.Broadcast(scalars[0]);
            scale1 = TVector.Broadcast(scalars[1]);
        }
        TVector even0 = TVector.Zero, odd0 = TVector.Zero, even1 = TVector.Zero, odd1 = TVector.Zero;
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row + ((nint)(columns - rest) * TElement.Bytes); row < end; row += step)
        {
            Lines<TPrefetch>.Ahead(row, (int)step);
            Lines<TPrefetch>.Ahead(row + distance, (int)step);
            TElement.LoadGroup(row, out TVector first0, out TVector second0);
            TElement.LoadGroup(row + distance, out TVector first1, out TVector second1);
            TVector first = TVector.Load(vector), second = TVector.Load(vector + TVector.Count);
            if (accumulate)
            {
                first.AddProduct(first0, scale0);
                second.AddProduct(second0, scale0);
                first.AddProduct(first1, scale1);
                second.AddProduct(second1, scale1);
                first.Store(vector);
                second.Store(vector + TVector.Count);
            }
            else
            {
                even0.AddProduct(first0, first);
                odd0.AddProduct(second0, second);
                even1.AddProduct(first1, first);
                odd1.AddProduct(second1, second);
            }
            vector += 2 * TVector.Count;
        }
        // Sums leave their registers before anything is called, or they would leave them in the loop.
        if (!accumulate)
        {
            scalars[0] = TVector.Sum(even0 + odd0);
            scalars[1] = TVector.Sum(even1 + odd1);
        }
        if (rest > 0)
            AddRest(row, distance, vector, rest, scalars, accumulate);
    }

    private static void AddRest(byte* row, nint distance, float* vector, int rest, float* scalars, bool accumulate)
    {
        for (int index = 0; index < 2; index++, row += distance)
        {
            if (accumulate)
                WeightRest<TVector, TElement>.Accumulate(row, scalars[index], rest, vector);
            else
                scalars[index] += WeightRest<TVector, TElement>.Dot(row, vector, rest);
        }
    }
}
