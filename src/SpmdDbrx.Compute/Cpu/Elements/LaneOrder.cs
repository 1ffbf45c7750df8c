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
        for (int column = 0; column < columns; column++)
            target[Lane<TVector>(column)] = source[column];
    }

    /// <summary>Where an element of a row stands in evens-first order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Lane<TVector>(int column) where TVector : unmanaged, IFloatVector<TVector>
    {
        int within = column & ((2 * TVector.Count) - 1);
        return column - within + ((within & 1) * TVector.Count) + (within >> 1);
    }
}
