using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Scaled sums of weight rows: the transposed product of a few rows with as many scalars. See <see cref="DotRows{TVector, TElement}"/> for distances.</summary>
internal static unsafe class AccumulateRows<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>target += Σ_r scales[r] · row r for eight rows [columns]; target [padded columns] in lane order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Eight<TPrefetch>(byte* row0, nint distance, float* scales, int columns, float* target) where TPrefetch : struct, IPrefetch
    {
        TVector scale0 = TVector.Broadcast(scales[0]), scale1 = TVector.Broadcast(scales[1]);
        TVector scale2 = TVector.Broadcast(scales[2]), scale3 = TVector.Broadcast(scales[3]);
        TVector scale4 = TVector.Broadcast(scales[4]), scale5 = TVector.Broadcast(scales[5]);
        TVector scale6 = TVector.Broadcast(scales[6]), scale7 = TVector.Broadcast(scales[7]);
        byte* row3 = row0 + (3 * distance);
        byte* row6 = row0 + (6 * distance);
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row0 + ((nint)(columns - rest) * TElement.Bytes); row0 < end; row0 += step)
        {
            TVector first = TVector.Load(target), second = TVector.Load(target + TVector.Count);
            Add<TPrefetch>(row0, scale0, ref first, ref second);
            Add<TPrefetch>(row0 + distance, scale1, ref first, ref second);
            Add<TPrefetch>(row0 + (2 * distance), scale2, ref first, ref second);
            Add<TPrefetch>(row3, scale3, ref first, ref second);
            Add<TPrefetch>(row3 + distance, scale4, ref first, ref second);
            Add<TPrefetch>(row3 + (2 * distance), scale5, ref first, ref second);
            Add<TPrefetch>(row6, scale6, ref first, ref second);
            Add<TPrefetch>(row6 + distance, scale7, ref first, ref second);
            first.Store(target);
            second.Store(target + TVector.Count);
            row3 += step;
            row6 += step;
            target += 2 * TVector.Count;
        }
        for (int row = 0; row < 8 && rest > 0; row++)
            WeightRest<TVector, TElement>.Accumulate(row0 + (row * distance), scales[row], rest, target);
    }

    /// <summary>target += Σ_r scales[r] · row r + otherScales[r] · row' r for rows of two runs, as in <see cref="DotRows{TVector, TElement}.Pairs"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pairs<TPrefetch>(byte* row, nint distance, nint stride, int rows, float* scales, float* otherScales, int columns, float* target)
        where TPrefetch : struct, IPrefetch
    {
        int groupLength = 2 * TVector.Count;
        int rest = columns % groupLength;
        nint step = groupLength * TElement.Bytes;
        nint length = (nint)(columns - rest) * TElement.Bytes;
        for (int index = 0; index < rows; index++)
        {
            TVector scale0 = TVector.Broadcast(scales[index]), scale1 = TVector.Broadcast(otherScales[index]);
            float* part = target;
            byte* ahead0 = row + (index * stride) + TPrefetch.Distance;
            byte* ahead1 = ahead0 + distance;
            byte* end = ahead0 + length;
            for (byte* fours = end - (length % (4 * step)); ahead0 < fours; ahead0 += 4 * step)
            {
                AddPair<TPrefetch>(0, ahead0, ahead1, scale0, scale1, part);
                AddPair<TPrefetch>(1, ahead0, ahead1, scale0, scale1, part);
                AddPair<TPrefetch>(2, ahead0, ahead1, scale0, scale1, part);
                AddPair<TPrefetch>(3, ahead0, ahead1, scale0, scale1, part);
                ahead1 += 4 * step;
                part += 4 * groupLength;
            }
            for (; ahead0 < end; ahead0 += step)
            {
                AddPair<TPrefetch>(0, ahead0, ahead1, scale0, scale1, part);
                ahead1 += step;
                part += groupLength;
            }
        }
        for (int index = 0; index < rows && rest > 0; index++)
            AccumulateRests(row + (index * stride) + length, distance, scales[index], otherScales[index], rest, target + columns - rest);
    }

    /// <summary>The same for one row of each run and two targets: x += xScales.Row · row + xScales.Other · row', and y likewise.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PairByTwo(byte* row, nint distance, (float Row, float Other) xScales, (float Row, float Other) yScales, int columns, float* x, float* y)
    {
        TVector xScale0 = TVector.Broadcast(xScales.Row), xScale1 = TVector.Broadcast(xScales.Other);
        TVector yScale0 = TVector.Broadcast(yScales.Row), yScale1 = TVector.Broadcast(yScales.Other);
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
            AddGroup(first0, second0, xScale0, first1, second1, xScale1, x, 0);
            AddGroup(first0, second0, yScale0, first1, second1, yScale1, y, 0);
            ahead1 += step;
            x += 2 * TVector.Count;
            y += 2 * TVector.Count;
        }
        if (rest == 0)
            return;
        AccumulateRests(row + length, distance, xScales.Row, xScales.Other, rest, x);
        AccumulateRests(row + length, distance, yScales.Row, yScales.Other, rest, y);
    }

    /// <summary>target += scale · row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(byte* row, float scale, int columns, float* target)
    {
        TVector scales = TVector.Broadcast(scale);
        int rest = columns % (2 * TVector.Count);
        nint step = 2 * TVector.Count * TElement.Bytes;
        for (byte* end = row + ((nint)(columns - rest) * TElement.Bytes); row < end; row += step)
        {
            TVector first = TVector.Load(target), second = TVector.Load(target + TVector.Count);
            Add<ReadAgain>(row, scales, ref first, ref second);
            first.Store(target);
            second.Store(target + TVector.Count);
            target += 2 * TVector.Count;
        }
        WeightRest<TVector, TElement>.Accumulate(row, scale, rest, target);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AccumulateRests(byte* row, nint distance, float scale, float otherScale, int rest, float* target)
    {
        WeightRest<TVector, TElement>.Accumulate(row, scale, rest, target);
        WeightRest<TVector, TElement>.Accumulate(row + distance, otherScale, rest, target);
    }

    /// <summary>target += scales · one group of two rows; pointers and the group's number as in <see cref="DotRows{TVector, TElement}"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPair<TPrefetch>(int group, byte* ahead0, byte* ahead1, TVector scale0, TVector scale1, float* target)
        where TPrefetch : struct, IPrefetch
    {
        int start = 2 * TVector.Count * group;
        nint offset = (nint)start * TElement.Bytes;
        Prefetch<TPrefetch>.Piece(ahead0 + offset, 2 * TVector.Count * TElement.Bytes);
        Prefetch<TPrefetch>.Piece(ahead1 + offset, 2 * TVector.Count * TElement.Bytes);
        TElement.LoadGroup(ahead0 + (offset - TPrefetch.Distance), out TVector first0, out TVector second0);
        TElement.LoadGroup(ahead1 + (offset - TPrefetch.Distance), out TVector first1, out TVector second1);
        AddGroup(first0, second0, scale0, first1, second1, scale1, target, start);
    }

    /// <summary>target += scale0 · (first0, second0) + scale1 · (first1, second1), one group <paramref name="start"/> floats behind the pointer: a constant, so that no address is computed.</summary>
    /// <remarks>In <see cref="DotRows{TVector, TElement}"/> the same costs two threads more (0.8 ± 0.3 %) than it gains for one (0.3 ± 0.2 %), Zen 5.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddGroup(
        TVector first0, TVector second0, TVector scale0, TVector first1, TVector second1, TVector scale1, float* target, int start)
    {
        int middle = start + TVector.Count;
        TVector first = TVector.MultiplyAdd(first0, scale0, target + start), second = TVector.MultiplyAdd(second0, scale0, target + middle);
        first.AddProduct(first1, scale1);
        second.AddProduct(second1, scale1);
        first.Store(target + start);
        second.Store(target + middle);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TPrefetch>(byte* weights, TVector scale, ref TVector first, ref TVector second) where TPrefetch : struct, IPrefetch
    {
        Prefetch<TPrefetch>.Ahead(weights);
        TElement.LoadGroup(weights, out TVector weightFirst, out TVector weightSecond);
        first.AddProduct(weightFirst, scale);
        second.AddProduct(weightSecond, scale);
    }
}
