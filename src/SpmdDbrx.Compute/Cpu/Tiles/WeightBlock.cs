using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>A block of a weight matrix widened to float32 in lane order, small enough to stay in the second-level cache.</summary>
internal static unsafe class WeightBlock<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>target[r][c] = weights of the block; zeros from <paramref name="columns"/> to <paramref name="stride"/>.</summary>
    /// <param name="first">First element of the block.</param>
    /// <param name="rowBytes">Bytes from a row to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="target">[rows, stride].</param>
    /// <param name="stride">Floats of a target row; a multiple of two registers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(byte* first, nint rowBytes, int rows, int columns, float* target, int stride)
    {
        int group = 2 * TVector.Count;
        int rest = columns % group;
        for (int row = 0; row < rows; row++)
        {
            byte* source = first + (row * rowBytes);
            float* end = target + columns - rest;
            for (float* to = target; to < end; to += group)
            {
                TElement.LoadGroup(source, out TVector even, out TVector odd);
                even.Store(to);
                odd.Store(to + TVector.Count);
                source += group * TElement.Bytes;
            }
            if (columns < stride)
                Rest(source, rest, end, stride - columns + rest);
            target += stride;
        }
    }

    private static void Rest(byte* source, int count, float* target, int length)
    {
        new Span<float>(target, length).Clear();
        for (int column = 0; column < count; column++)
        {
            int lane = TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column;
            target[lane] = TElement.LoadOne(source + (column * TElement.Bytes));
        }
    }
}
