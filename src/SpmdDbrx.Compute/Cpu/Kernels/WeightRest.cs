using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>The last, incomplete group of a row, whose weights must not be read past their end; vectors stand in lane order.</summary>
internal static unsafe class WeightRest<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>weights · x over [count].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(byte* weights, float* x, int count)
    {
        float sum = 0;
        for (int column = 0; column < count; column++)
            sum += TElement.LoadOne(weights + (column * TElement.Bytes)) * x[Lane(column)];
        return sum;
    }

    /// <summary>target += scale · weights over [count].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(byte* weights, float scale, int count, float* target)
    {
        for (int column = 0; column < count; column++)
            target[Lane(column)] += scale * TElement.LoadOne(weights + (column * TElement.Bytes));
    }

    private static int Lane(int column) => TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column;
}
