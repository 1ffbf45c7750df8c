using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Dot products of four weight rows with one or two activation rows, weights read once.</summary>
internal static unsafe class DotRows<TVector, TElement>
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>sums[r] = row r · x for four rows [columns], of which some may be the same; x in lane order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four(byte* row0, byte* row1, byte* row2, byte* row3, float* x, int columns, float* sums)
    {
        int group = 2 * TVector.Count;
        TVector first0 = TVector.Zero, first1 = TVector.Zero, first2 = TVector.Zero, first3 = TVector.Zero;
        TVector second0 = TVector.Zero, second1 = TVector.Zero, second2 = TVector.Zero, second3 = TVector.Zero;
        nint end = (nint)(columns - (columns % group)) * TElement.Bytes;
        nint step = group * TElement.Bytes;
        for (nint offset = 0; offset < end; offset += step)
        {
            TVector xFirst = TVector.Load(x), xSecond = TVector.Load(x + TVector.Count);
            x += group;
            TElement.LoadGroup(row0 + offset, out TVector wFirst, out TVector wSecond);
            first0 = TVector.MultiplyAdd(wFirst, xFirst, first0);
            second0 = TVector.MultiplyAdd(wSecond, xSecond, second0);
            TElement.LoadGroup(row1 + offset, out wFirst, out wSecond);
            first1 = TVector.MultiplyAdd(wFirst, xFirst, first1);
            second1 = TVector.MultiplyAdd(wSecond, xSecond, second1);
            TElement.LoadGroup(row2 + offset, out wFirst, out wSecond);
            first2 = TVector.MultiplyAdd(wFirst, xFirst, first2);
            second2 = TVector.MultiplyAdd(wSecond, xSecond, second2);
            TElement.LoadGroup(row3 + offset, out wFirst, out wSecond);
            first3 = TVector.MultiplyAdd(wFirst, xFirst, first3);
            second3 = TVector.MultiplyAdd(wSecond, xSecond, second3);
        }
        sums[0] = TVector.Sum(first0 + second0);
        sums[1] = TVector.Sum(first1 + second1);
        sums[2] = TVector.Sum(first2 + second2);
        sums[3] = TVector.Sum(first3 + second3);
        int rest = columns % group;
        if (rest > 0)
        {
            sums[0] += Rest(row0 + end, x, rest);
            sums[1] += Rest(row1 + end, x, rest);
            sums[2] += Rest(row2 + end, x, rest);
            sums[3] += Rest(row3 + end, x, rest);
        }
    }

    /// <summary>sums[r] = row r · x and sums[4 + r] = row r · y for four rows [columns], of which some may be the same; x and y in lane order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByTwo(byte* row0, byte* row1, byte* row2, byte* row3, float* x, float* y, int columns, float* sums)
    {
        int group = 2 * TVector.Count;
        TVector x0 = TVector.Zero, x1 = TVector.Zero, x2 = TVector.Zero, x3 = TVector.Zero;
        TVector y0 = TVector.Zero, y1 = TVector.Zero, y2 = TVector.Zero, y3 = TVector.Zero;
        nint end = (nint)(columns - (columns % group)) * TElement.Bytes;
        nint step = group * TElement.Bytes;
        for (nint offset = 0; offset < end; offset += step)
        {
            TVector xFirst = TVector.Load(x), xSecond = TVector.Load(x + TVector.Count);
            TVector yFirst = TVector.Load(y), ySecond = TVector.Load(y + TVector.Count);
            x += group;
            y += group;
            TElement.LoadGroup(row0 + offset, out TVector wFirst, out TVector wSecond);
            x0 = TVector.MultiplyAdd(wSecond, xSecond, TVector.MultiplyAdd(wFirst, xFirst, x0));
            y0 = TVector.MultiplyAdd(wSecond, ySecond, TVector.MultiplyAdd(wFirst, yFirst, y0));
            TElement.LoadGroup(row1 + offset, out wFirst, out wSecond);
            x1 = TVector.MultiplyAdd(wSecond, xSecond, TVector.MultiplyAdd(wFirst, xFirst, x1));
            y1 = TVector.MultiplyAdd(wSecond, ySecond, TVector.MultiplyAdd(wFirst, yFirst, y1));
            TElement.LoadGroup(row2 + offset, out wFirst, out wSecond);
            x2 = TVector.MultiplyAdd(wSecond, xSecond, TVector.MultiplyAdd(wFirst, xFirst, x2));
            y2 = TVector.MultiplyAdd(wSecond, ySecond, TVector.MultiplyAdd(wFirst, yFirst, y2));
            TElement.LoadGroup(row3 + offset, out wFirst, out wSecond);
            x3 = TVector.MultiplyAdd(wSecond, xSecond, TVector.MultiplyAdd(wFirst, xFirst, x3));
            y3 = TVector.MultiplyAdd(wSecond, ySecond, TVector.MultiplyAdd(wFirst, yFirst, y3));
        }
        sums[0] = TVector.Sum(x0);
        sums[1] = TVector.Sum(x1);
        sums[2] = TVector.Sum(x2);
        sums[3] = TVector.Sum(x3);
        sums[4] = TVector.Sum(y0);
        sums[5] = TVector.Sum(y1);
        sums[6] = TVector.Sum(y2);
        sums[7] = TVector.Sum(y3);
        int rest = columns % group;
        if (rest > 0)
        {
            sums[0] += Rest(row0 + end, x, rest);
            sums[1] += Rest(row1 + end, x, rest);
            sums[2] += Rest(row2 + end, x, rest);
            sums[3] += Rest(row3 + end, x, rest);
            sums[4] += Rest(row0 + end, y, rest);
            sums[5] += Rest(row1 + end, y, rest);
            sums[6] += Rest(row2 + end, y, rest);
            sums[7] += Rest(row3 + end, y, rest);
        }
    }

    /// <summary>The last, incomplete group, whose activations are padded and whose weights must not be read past their end.</summary>
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
