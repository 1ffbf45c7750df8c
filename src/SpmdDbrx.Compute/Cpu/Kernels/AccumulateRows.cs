using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Scaled sums of weight rows: the transposed product of a few rows with as many scalars.</summary>
internal static unsafe class AccumulateRows<TVector, TElement>
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Rows taken at once.</summary>
    public const int Block = 8;

    /// <summary>target += Σ_r scales[r] · row r, r ascending.</summary>
    /// <param name="rows">First row [columns].</param>
    /// <param name="rowStrideBytes">Bytes from one row to the next.</param>
    /// <param name="rowCount">Rows.</param>
    /// <param name="scales">[rowCount].</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="target">[padded columns] in lane order.</param>
    public static void Run(byte* rows, long rowStrideBytes, int rowCount, float* scales, int columns, float* target)
    {
        int row = 0;
        for (; row + Block <= rowCount; row += Block)
            Eight(rows + (row * rowStrideBytes), (nint)rowStrideBytes, scales + row, columns, target);
        for (; row < rowCount; row++)
            One(rows + (row * rowStrideBytes), scales[row], columns, target);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(byte* row0, nint stride, float* scales, int columns, float* target)
    {
        int group = 2 * TVector.Count;
        byte* row3 = row0 + (3 * stride);
        byte* row6 = row0 + (6 * stride);
        TVector scale0 = TVector.Broadcast(scales[0]), scale1 = TVector.Broadcast(scales[1]);
        TVector scale2 = TVector.Broadcast(scales[2]), scale3 = TVector.Broadcast(scales[3]);
        TVector scale4 = TVector.Broadcast(scales[4]), scale5 = TVector.Broadcast(scales[5]);
        TVector scale6 = TVector.Broadcast(scales[6]), scale7 = TVector.Broadcast(scales[7]);
        int whole = columns - (columns % group);
        for (int column = 0; column < whole; column += group)
        {
            TVector sumFirst = TVector.Load(target), sumSecond = TVector.Load(target + TVector.Count);
            Step(row0, scale0, ref sumFirst, ref sumSecond);
            Step(row0 + stride, scale1, ref sumFirst, ref sumSecond);
            Step(row0 + (2 * stride), scale2, ref sumFirst, ref sumSecond);
            Step(row3, scale3, ref sumFirst, ref sumSecond);
            Step(row3 + stride, scale4, ref sumFirst, ref sumSecond);
            Step(row3 + (2 * stride), scale5, ref sumFirst, ref sumSecond);
            Step(row6, scale6, ref sumFirst, ref sumSecond);
            Step(row6 + stride, scale7, ref sumFirst, ref sumSecond);
            sumFirst.Store(target);
            sumSecond.Store(target + TVector.Count);
            row0 += group * TElement.Bytes;
            row3 += group * TElement.Bytes;
            row6 += group * TElement.Bytes;
            target += group;
        }
        for (int row = 0; row < Block && whole < columns; row++)
            Rest(row0 + (row * stride), scales[row], columns - whole, target);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(byte* row, float scale, int columns, float* target)
    {
        int group = 2 * TVector.Count;
        TVector scales = TVector.Broadcast(scale);
        int whole = columns - (columns % group);
        for (int column = 0; column < whole; column += group)
        {
            TVector sumFirst = TVector.Load(target), sumSecond = TVector.Load(target + TVector.Count);
            Step(row, scales, ref sumFirst, ref sumSecond);
            sumFirst.Store(target);
            sumSecond.Store(target + TVector.Count);
            row += group * TElement.Bytes;
            target += group;
        }
        Rest(row, scale, columns - whole, target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(byte* row, TVector scale, ref TVector sumFirst, ref TVector sumSecond)
    {
        TElement.LoadGroup(row, out TVector first, out TVector second);
        sumFirst = TVector.MultiplyAdd(first, scale, sumFirst);
        sumSecond = TVector.MultiplyAdd(second, scale, sumSecond);
    }

    private static void Rest(byte* row, float scale, int count, float* target)
    {
        for (int column = 0; column < count; column++)
        {
            int lane = TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column;
            target[lane] += scale * TElement.LoadOne(row + (column * TElement.Bytes));
        }
    }
}
