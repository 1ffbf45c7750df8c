using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Dot products of weight rows with activations that stand in lane order; every weight is loaded and widened once.</summary>
/// <remarks>Rows lie a distance apart, so that a caller can walk several long runs of rows side by side, as many as <see cref="MemoryStreams"/>
/// says, and ask for lines ahead.</remarks>
internal static unsafe class DotRows<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>sums[r] = row r · x for eight rows [columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Eight(byte* row0, nint distance, float* x, int columns, float* sums)
    {
        TVector sum0 = TVector.Zero, sum1 = TVector.Zero, sum2 = TVector.Zero, sum3 = TVector.Zero;
        TVector sum4 = TVector.Zero, sum5 = TVector.Zero, sum6 = TVector.Zero, sum7 = TVector.Zero;
        byte* row3 = row0 + (3 * distance);
        byte* row6 = row0 + (6 * distance);
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row0 + ((nint)(columns - rest) * TElement.Bytes); row0 < end; row0 += step)
        {
            TVector first = TVector.Load(x), second = TVector.Load(x + TVector.Count);
            Add(row0, first, second, ref sum0);
            Add(row0 + distance, first, second, ref sum1);
            Add(row0 + (2 * distance), first, second, ref sum2);
            Add(row3, first, second, ref sum3);
            Add(row3 + distance, first, second, ref sum4);
            Add(row3 + (2 * distance), first, second, ref sum5);
            Add(row6, first, second, ref sum6);
            Add(row6 + distance, first, second, ref sum7);
            row3 += step;
            row6 += step;
            x += 2 * TVector.Count;
        }
        TVector.Sums(sum0, sum1, sum2, sum3, sums);
        TVector.Sums(sum4, sum5, sum6, sum7, sums + 4);
        for (int row = 0; row < 8 && rest > 0; row++)
            sums[row] += WeightRest<TVector, TElement>.Dot(row0 + (row * distance), x, rest);
    }

    /// <summary>sums[r] = row r · x and otherSums[r] = row r · y for four rows [columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByTwo(byte* row0, nint distance, float* x, float* y, int columns, float* sums, float* otherSums)
    {
        TVector x0 = TVector.Zero, x1 = TVector.Zero, x2 = TVector.Zero, x3 = TVector.Zero;
        TVector y0 = TVector.Zero, y1 = TVector.Zero, y2 = TVector.Zero, y3 = TVector.Zero;
        byte* row2 = row0 + (2 * distance);
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row0 + ((nint)(columns - rest) * TElement.Bytes); row0 < end; row0 += step)
        {
            TVector xFirst = TVector.Load(x), xSecond = TVector.Load(x + TVector.Count);
            TVector yFirst = TVector.Load(y), ySecond = TVector.Load(y + TVector.Count);
            Add(row0, xFirst, xSecond, yFirst, ySecond, ref x0, ref y0);
            Add(row0 + distance, xFirst, xSecond, yFirst, ySecond, ref x1, ref y1);
            Add(row2, xFirst, xSecond, yFirst, ySecond, ref x2, ref y2);
            Add(row2 + distance, xFirst, xSecond, yFirst, ySecond, ref x3, ref y3);
            row2 += step;
            x += 2 * TVector.Count;
            y += 2 * TVector.Count;
        }
        TVector.Sums(x0, x1, x2, x3, sums);
        TVector.Sums(y0, y1, y2, y3, otherSums);
        for (int row = 0; row < 4 && rest > 0; row++)
        {
            sums[row] += WeightRest<TVector, TElement>.Dot(row0 + (row * distance), x, rest);
            otherSums[row] += WeightRest<TVector, TElement>.Dot(row0 + (row * distance), y, rest);
        }
    }

    /// <summary>sums[r] = row r · x and otherSums[r] = row' r · x for rows of two runs [columns], <paramref name="distance"/> bytes apart.</summary>
    /// <param name="row">First row of the first run.</param>
    /// <param name="distance">Bytes to the second run.</param>
    /// <param name="stride">Bytes from a row to the next of its run.</param>
    /// <param name="rows">Rows of each run.</param>
    /// <param name="x">[columns].</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="sums">[rows].</param>
    /// <param name="otherSums">[rows].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pairs<TPrefetch>(byte* row, nint distance, nint stride, int rows, float* x, int columns, float* sums, float* otherSums)
        where TPrefetch : struct, IPrefetch
    {
        int groupLength = 2 * TVector.Count;
        int rest = columns % groupLength;
        nint step = groupLength * TElement.Bytes;
        nint length = (nint)(columns - rest) * TElement.Bytes;
        float* four = stackalloc float[4];
        for (int index = 0; index < rows; index++)
        {
            TVector even0 = TVector.Zero, odd0 = TVector.Zero, even1 = TVector.Zero, odd1 = TVector.Zero;
            float* part = x;
            // Both are ahead of what is read: the distance back costs no instruction, one forward would.
            byte* ahead0 = row + (index * stride) + TPrefetch.Distance;
            byte* ahead1 = ahead0 + distance;
            byte* end = ahead0 + length;
            for (byte* fours = end - (length % (4 * step)); ahead0 < fours; ahead0 += 4 * step)
            {
                AddPair<TPrefetch>(0, ahead0, ahead1, part, ref even0, ref odd0, ref even1, ref odd1);
                AddPair<TPrefetch>(1, ahead0, ahead1, part, ref even0, ref odd0, ref even1, ref odd1);
                AddPair<TPrefetch>(2, ahead0, ahead1, part, ref even0, ref odd0, ref even1, ref odd1);
                AddPair<TPrefetch>(3, ahead0, ahead1, part, ref even0, ref odd0, ref even1, ref odd1);
                ahead1 += 4 * step;
                part += 4 * groupLength;
            }
            for (; ahead0 < end; ahead0 += step)
            {
                AddPair<TPrefetch>(0, ahead0, ahead1, part, ref even0, ref odd0, ref even1, ref odd1);
                ahead1 += step;
                part += groupLength;
            }
            TVector.Sums(even0, odd0, even1, odd1, four);
            sums[index] = four[0] + four[1];
            otherSums[index] = four[2] + four[3];
        }
        // After all rows: what is used both in the loop and behind a call would not stay in a register.
        for (int index = 0; index < rows && rest > 0; index++)
            AddRests(row + (index * stride) + length, distance, x + columns - rest, rest, sums + index, otherSums + index);
    }

    /// <summary>The same for one row of each run and two vectors: sums[r] = row r · x, otherSums[r] = row r · y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PairByTwo(byte* row, nint distance, float* x, float* y, int columns, float* sums, float* otherSums)
    {
        TVector xEven0 = TVector.Zero, xOdd0 = TVector.Zero, xEven1 = TVector.Zero, xOdd1 = TVector.Zero;
        TVector yEven0 = TVector.Zero, yOdd0 = TVector.Zero, yEven1 = TVector.Zero, yOdd1 = TVector.Zero;
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        nint length = (nint)(columns - rest) * TElement.Bytes;
        byte* ahead0 = row + PairRead.Distance;
        byte* ahead1 = ahead0 + distance;
        for (byte* end = ahead0 + length; ahead0 < end; ahead0 += step)
        {
            Prefetch<PairRead>.Piece(ahead0, (int)step);
            Prefetch<PairRead>.Piece(ahead1, (int)step);
            TElement.LoadGroup(ahead0 - PairRead.Distance, out TVector first0, out TVector second0);
            TElement.LoadGroup(ahead1 - PairRead.Distance, out TVector first1, out TVector second1);
            AddGroup(first0, second0, first1, second1, x, ref xEven0, ref xOdd0, ref xEven1, ref xOdd1);
            AddGroup(first0, second0, first1, second1, y, ref yEven0, ref yOdd0, ref yEven1, ref yOdd1);
            ahead1 += step;
            x += 2 * TVector.Count;
            y += 2 * TVector.Count;
        }
        float* four = stackalloc float[4];
        TVector.Sums(xEven0, xOdd0, xEven1, xOdd1, four);
        sums[0] = four[0] + four[1];
        sums[1] = four[2] + four[3];
        TVector.Sums(yEven0, yOdd0, yEven1, yOdd1, four);
        otherSums[0] = four[0] + four[1];
        otherSums[1] = four[2] + four[3];
        if (rest == 0)
            return;
        AddRests(row + length, distance, x, rest, sums, sums + 1);
        AddRests(row + length, distance, y, rest, otherSums, otherSums + 1);
    }

    /// <summary>row · x for one row [columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float One(byte* row, float* x, int columns)
    {
        TVector sum = TVector.Zero;
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row + ((nint)(columns - rest) * TElement.Bytes); row < end; row += step)
        {
            Add(row, TVector.Load(x), TVector.Load(x + TVector.Count), ref sum);
            x += 2 * TVector.Count;
        }
        return TVector.Sum(sum) + WeightRest<TVector, TElement>.Dot(row, x, rest);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddRests(byte* row, nint distance, float* x, int rest, float* sum, float* otherSum)
    {
        *sum += WeightRest<TVector, TElement>.Dot(row, x, rest);
        *otherSum += WeightRest<TVector, TElement>.Dot(row + distance, x, rest);
    }

    /// <summary>Adds one group of two rows. The pointers are <typeparamref name="TPrefetch"/>'s distance ahead of what is read; the group's number behind them is a constant,
    /// so that it becomes part of the instructions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPair<TPrefetch>(
        int group, byte* ahead0, byte* ahead1, float* x, ref TVector even0, ref TVector odd0, ref TVector even1, ref TVector odd1)
        where TPrefetch : struct, IPrefetch
    {
        int start = 2 * TVector.Count * group;
        nint offset = (nint)start * TElement.Bytes;
        Prefetch<TPrefetch>.Piece(ahead0 + offset, 2 * TVector.Count * TElement.Bytes);
        Prefetch<TPrefetch>.Piece(ahead1 + offset, 2 * TVector.Count * TElement.Bytes);
        TElement.LoadGroup(ahead0 + (offset - TPrefetch.Distance), out TVector first0, out TVector second0);
        TElement.LoadGroup(ahead1 + (offset - TPrefetch.Distance), out TVector first1, out TVector second1);
        AddGroup(first0, second0, first1, second1, x + start, ref even0, ref odd0, ref even1, ref odd1);
    }

    /// <summary>Sums of two rows += (first0, second0) · x and (first1, second1) · x, one group, without adding across lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddGroup(
        TVector first0, TVector second0, TVector first1, TVector second1, float* x, ref TVector even0, ref TVector odd0, ref TVector even1, ref TVector odd1)
    {
        TVector first = TVector.Load(x), second = TVector.Load(x + TVector.Count);
        even0.AddProduct(first0, first);
        odd0.AddProduct(second0, second);
        even1.AddProduct(first1, first);
        odd1.AddProduct(second1, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* weights, TVector first, TVector second, ref TVector sum)
    {
        Prefetch<ReadOnce>.Ahead(weights);
        TElement.LoadGroup(weights, out TVector weightFirst, out TVector weightSecond);
        sum.AddProduct(weightFirst, first);
        sum.AddProduct(weightSecond, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        byte* weights, TVector xFirst, TVector xSecond, TVector yFirst, TVector ySecond, ref TVector xSum, ref TVector ySum)
    {
        Prefetch<ReadAgain>.Ahead(weights);
        TElement.LoadGroup(weights, out TVector weightFirst, out TVector weightSecond);
        xSum.AddProduct(weightFirst, xFirst);
        xSum.AddProduct(weightSecond, xSecond);
        ySum.AddProduct(weightFirst, yFirst);
        ySum.AddProduct(weightSecond, ySecond);
    }
}
