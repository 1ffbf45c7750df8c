using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Brings activations into the order in which <see cref="IWeightElement.LoadGroup"/> reads weights, and back.</summary>
internal static unsafe class LaneOrder
{
    /// <summary>Columns rounded up to whole groups of two registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Padded<TVector>(int columns) where TVector : unmanaged, IFloatVector<TVector>
    {
        int group = 2 * TVector.Count;
        return (columns + group - 1) / group * group;
    }

    /// <summary>target [padded columns] = source [columns] in lane order, zeros behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Arrange<TVector, TElement>(float* source, int columns, float* target)
        where TVector : unmanaged, IFloatVector<TVector>
        where TElement : struct, IWeightElement
    {
        int whole = columns - (columns % (2 * TVector.Count));
        new Span<float>(target + whole, Padded<TVector>(columns) - whole).Clear();
        if (!TElement.EvensFirst)
        {
            new ReadOnlySpan<float>(source, columns).CopyTo(new Span<float>(target, columns));
            return;
        }
        for (int column = 0; column < whole; column += 2 * TVector.Count)
        {
            TVector.Deinterleave(TVector.Load(source + column), TVector.Load(source + column + TVector.Count), out TVector evens, out TVector odds);
            evens.Store(target + column);
            odds.Store(target + column + TVector.Count);
        }
        for (int column = whole; column < columns; column++)
            target[Lane<TVector>(column)] = source[column];
    }

    /// <summary>target [columns] += scale · source [padded columns], which is in lane order; product and sum are each rounded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled<TVector, TElement>(float* source, float scale, float* target, int columns)
        where TVector : unmanaged, IFloatVector<TVector>
        where TElement : struct, IWeightElement
    {
        TVector scales = TVector.Broadcast(scale);
        int column = 0;
        for (; column <= columns - (2 * TVector.Count); column += 2 * TVector.Count)
        {
            TVector first = TVector.Load(source + column);
            TVector second = TVector.Load(source + column + TVector.Count);
            if (TElement.EvensFirst)
                TVector.Interleave(first, second, out first, out second);
            (TVector.Load(target + column) + (scales * first)).Store(target + column);
            (TVector.Load(target + column + TVector.Count) + (scales * second)).Store(target + column + TVector.Count);
        }
        for (; column < columns; column++)
            target[column] += scale * source[TElement.EvensFirst ? Lane<TVector>(column) : column];
    }

    /// <summary>Where an element of a row stands in evens-first order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Lane<TVector>(int column) where TVector : unmanaged, IFloatVector<TVector>
    {
        int within = column & ((2 * TVector.Count) - 1);
        return column - within + ((within & 1) * TVector.Count) + (within >> 1);
    }
}
