using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Dot products of weight rows with activations that stand in lane order; every weight is loaded and widened once.</summary>
/// <remarks>Rows lie a distance apart, so that a caller can walk several long runs of rows side by side: one core draws more from memory
/// over eight streams than over one, and a prefetch a few lines ahead of each closes most of the rest.</remarks>
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
            sums[row] += Rest(row0 + (row * distance), x, rest);
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
            sums[row] += Rest(row0 + (row * distance), x, rest);
            otherSums[row] += Rest(row0 + (row * distance), y, rest);
        }
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
        return TVector.Sum(sum) + Rest(row, x, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* weights, TVector first, TVector second, ref TVector sum)
    {
        ReadOnce.Ahead(weights);
        TElement.LoadGroup(weights, out TVector weightFirst, out TVector weightSecond);
        sum = TVector.MultiplyAdd(weightSecond, second, TVector.MultiplyAdd(weightFirst, first, sum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        byte* weights, TVector xFirst, TVector xSecond, TVector yFirst, TVector ySecond, ref TVector xSum, ref TVector ySum)
    {
        ReadAgain.Ahead(weights);
        TElement.LoadGroup(weights, out TVector weightFirst, out TVector weightSecond);
        xSum = TVector.MultiplyAdd(weightSecond, xSecond, TVector.MultiplyAdd(weightFirst, xFirst, xSum));
        ySum = TVector.MultiplyAdd(weightSecond, ySecond, TVector.MultiplyAdd(weightFirst, yFirst, ySum));
    }

    /// <summary>The last, incomplete group, whose weights must not be read past their end.</summary>
    private static float Rest(byte* row, float* x, int count)
    {
        float sum = 0;
        for (int column = 0; column < count; column++)
        {
            int lane = TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column;
            sum += TElement.LoadOne(row + (column * TElement.Bytes)) * x[lane];
        }
        return sum;
    }
}
