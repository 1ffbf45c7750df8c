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

    /// <summary>sums[r] = row r · x for two rows [columns], in the order of <see cref="RowPair{TVector, TElement, TPrefetch}.Dot"/>, whose loop can do more
    /// and needs more instructions for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Two<TPrefetch>(byte* row0, nint distance, float* x, int columns, float* sums) where TPrefetch : struct, IPrefetch
    {
        TVector even0 = TVector.Zero, odd0 = TVector.Zero, even1 = TVector.Zero, odd1 = TVector.Zero;
        byte* row1 = row0 + distance;
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row0 + ((nint)(columns - rest) * TElement.Bytes); row0 < end; row0 += step)
        {
            Lines<TPrefetch>.Ahead(row0, (int)step);
            Lines<TPrefetch>.Ahead(row1, (int)step);
            TVector first = TVector.Load(x), second = TVector.Load(x + TVector.Count);
            TElement.LoadGroup(row0, out TVector first0, out TVector second0);
            TElement.LoadGroup(row1, out TVector first1, out TVector second1);
            even0.AddProduct(first0, first);
            odd0.AddProduct(second0, second);
            even1.AddProduct(first1, first);
            odd1.AddProduct(second1, second);
            row1 += step;
            x += 2 * TVector.Count;
        }
        sums[0] = TVector.Sum(even0 + odd0);
        sums[1] = TVector.Sum(even1 + odd1);
        if (rest > 0)
            AddRests(row0, row1, x, rest, sums);
    }

    /// <summary>The same of two vectors: sums[r] = row r · x, otherSums[r] = row r · y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwoByTwo<TPrefetch>(byte* row0, nint distance, float* x, float* y, int columns, float* sums, float* otherSums)
        where TPrefetch : struct, IPrefetch
    {
        TVector xEven0 = TVector.Zero, xOdd0 = TVector.Zero, xEven1 = TVector.Zero, xOdd1 = TVector.Zero;
        TVector yEven0 = TVector.Zero, yOdd0 = TVector.Zero, yEven1 = TVector.Zero, yOdd1 = TVector.Zero;
        byte* row1 = row0 + distance;
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row0 + ((nint)(columns - rest) * TElement.Bytes); row0 < end; row0 += step)
        {
            Lines<TPrefetch>.Ahead(row0, (int)step);
            Lines<TPrefetch>.Ahead(row1, (int)step);
            TElement.LoadGroup(row0, out TVector first0, out TVector second0);
            TElement.LoadGroup(row1, out TVector first1, out TVector second1);
            TVector first = TVector.Load(x), second = TVector.Load(x + TVector.Count);
            xEven0.AddProduct(first0, first);
            xOdd0.AddProduct(second0, second);
            xEven1.AddProduct(first1, first);
            xOdd1.AddProduct(second1, second);
            first = TVector.Load(y);
            second = TVector.Load(y + TVector.Count);
            yEven0.AddProduct(first0, first);
            yOdd0.AddProduct(second0, second);
            yEven1.AddProduct(first1, first);
            yOdd1.AddProduct(second1, second);
            row1 += step;
            x += 2 * TVector.Count;
            y += 2 * TVector.Count;
        }
        sums[0] = TVector.Sum(xEven0 + xOdd0);
        sums[1] = TVector.Sum(xEven1 + xOdd1);
        otherSums[0] = TVector.Sum(yEven0 + yOdd0);
        otherSums[1] = TVector.Sum(yEven1 + yOdd1);
        if (rest == 0)
            return;
        AddRests(row0, row1, x, rest, sums);
        AddRests(row0, row1, y, rest, otherSums);
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

    private static void AddRests(byte* row0, byte* row1, float* x, int rest, float* sums)
    {
        sums[0] += WeightRest<TVector, TElement>.Dot(row0, x, rest);
        sums[1] += WeightRest<TVector, TElement>.Dot(row1, x, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* weights, TVector first, TVector second, ref TVector sum)
    {
        ReadOnce.Ahead(weights);
        TElement.LoadGroup(weights, out TVector weightFirst, out TVector weightSecond);
        sum.AddProduct(weightFirst, first);
        sum.AddProduct(weightSecond, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        byte* weights, TVector xFirst, TVector xSecond, TVector yFirst, TVector ySecond, ref TVector xSum, ref TVector ySum)
    {
        ReadAgain.Ahead(weights);
        TElement.LoadGroup(weights, out TVector weightFirst, out TVector weightSecond);
        xSum.AddProduct(weightFirst, xFirst);
        xSum.AddProduct(weightSecond, xSecond);
        ySum.AddProduct(weightFirst, yFirst);
        ySum.AddProduct(weightSecond, ySecond);
    }
}
