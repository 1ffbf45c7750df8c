using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Sums of the same eight rows with the weights of several heads: attention's values with the probabilities of the heads that share them.</summary>
/// <remarks>A value is loaded once for all heads of a call, and sums stay in registers for eight rows. See <see cref="DotRows{TVector, TElement}"/> for distances.</remarks>
internal static unsafe class WeightedRows<TVector, TPrefetch>
    where TVector : unmanaged, IFloatVector<TVector>
    where TPrefetch : struct, IPrefetch
{
    /// <summary>Columns are a multiple of this in <see cref="Four"/>.</summary>
    public static int ColumnsOfFour => 2 * TVector.Count;

    /// <summary>Columns are a multiple of this in <see cref="Two"/>.</summary>
    public static int ColumnsOfTwo => 4 * TVector.Count;

    /// <summary>target h += Σ_r weights h [r] · row r for four heads h and eight rows [columns].</summary>
    /// <param name="rows">Row 0.</param>
    /// <param name="distance">Floats from a row to the next.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="weights">Weight of row 0 for h = 0.</param>
    /// <param name="weightDistance">Floats from a row's weight to the next row's.</param>
    /// <param name="weightStride">Floats from one head's weights to the next one's.</param>
    /// <param name="target">Sums of h = 0.</param>
    /// <param name="targetStride">Floats from one head's sums to the next one's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Four(
        float* rows, nint distance, int columns, float* weights, nint weightDistance, nint weightStride, float* target, nint targetStride)
    {
        float* target2 = target + (2 * targetStride);
        float* weights2 = weights + (2 * weightStride);
        for (float* end = rows + columns; rows < end; rows += 2 * TVector.Count)
        {
            TVector first0 = TVector.Load(target), second0 = TVector.Load(target + TVector.Count);
            TVector first1 = TVector.Load(target + targetStride), second1 = TVector.Load(target + targetStride + TVector.Count);
            TVector first2 = TVector.Load(target2), second2 = TVector.Load(target2 + TVector.Count);
            TVector first3 = TVector.Load(target2 + targetStride), second3 = TVector.Load(target2 + targetStride + TVector.Count);
            float* row = rows;
            float* weight = weights, weight2 = weights2;
            for (int index = 0; index < 8; index++)
            {
                TPrefetch.Ahead((byte*)row);
                TVector first = TVector.Load(row), second = TVector.Load(row + TVector.Count);
                TVector scale = TVector.Broadcast(*weight);
                first0 = TVector.MultiplyAdd(scale, first, first0);
                second0 = TVector.MultiplyAdd(scale, second, second0);
                scale = TVector.Broadcast(weight[weightStride]);
                first1 = TVector.MultiplyAdd(scale, first, first1);
                second1 = TVector.MultiplyAdd(scale, second, second1);
                scale = TVector.Broadcast(*weight2);
                first2 = TVector.MultiplyAdd(scale, first, first2);
                second2 = TVector.MultiplyAdd(scale, second, second2);
                scale = TVector.Broadcast(weight2[weightStride]);
                first3 = TVector.MultiplyAdd(scale, first, first3);
                second3 = TVector.MultiplyAdd(scale, second, second3);
                row += distance;
                weight += weightDistance;
                weight2 += weightDistance;
            }
            first0.Store(target);
            second0.Store(target + TVector.Count);
            first1.Store(target + targetStride);
            second1.Store(target + targetStride + TVector.Count);
            first2.Store(target2);
            second2.Store(target2 + TVector.Count);
            first3.Store(target2 + targetStride);
            second3.Store(target2 + targetStride + TVector.Count);
            target += 2 * TVector.Count;
            target2 += 2 * TVector.Count;
        }
    }

    /// <summary>The same for two heads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Two(
        float* rows, nint distance, int columns, float* weights, nint weightDistance, nint weightStride, float* target, nint targetStride)
    {
        for (float* end = rows + columns; rows < end; rows += 4 * TVector.Count)
        {
            float* target1 = target + targetStride;
            TVector first0 = TVector.Load(target), second0 = TVector.Load(target + TVector.Count);
            TVector third0 = TVector.Load(target + (2 * TVector.Count)), fourth0 = TVector.Load(target + (3 * TVector.Count));
            TVector first1 = TVector.Load(target1), second1 = TVector.Load(target1 + TVector.Count);
            TVector third1 = TVector.Load(target1 + (2 * TVector.Count)), fourth1 = TVector.Load(target1 + (3 * TVector.Count));
            float* row = rows;
            float* weight = weights;
            for (int index = 0; index < 8; index++)
            {
                TPrefetch.Ahead((byte*)row);
                TPrefetch.Ahead((byte*)(row + (2 * TVector.Count)));
                TVector scale0 = TVector.Broadcast(*weight), scale1 = TVector.Broadcast(weight[weightStride]);
                TVector values = TVector.Load(row);
                first0 = TVector.MultiplyAdd(scale0, values, first0);
                first1 = TVector.MultiplyAdd(scale1, values, first1);
                values = TVector.Load(row + TVector.Count);
                second0 = TVector.MultiplyAdd(scale0, values, second0);
                second1 = TVector.MultiplyAdd(scale1, values, second1);
                values = TVector.Load(row + (2 * TVector.Count));
                third0 = TVector.MultiplyAdd(scale0, values, third0);
                third1 = TVector.MultiplyAdd(scale1, values, third1);
                values = TVector.Load(row + (3 * TVector.Count));
                fourth0 = TVector.MultiplyAdd(scale0, values, fourth0);
                fourth1 = TVector.MultiplyAdd(scale1, values, fourth1);
                row += distance;
                weight += weightDistance;
            }
            first0.Store(target);
            second0.Store(target + TVector.Count);
            third0.Store(target + (2 * TVector.Count));
            fourth0.Store(target + (3 * TVector.Count));
            first1.Store(target1);
            second1.Store(target1 + TVector.Count);
            third1.Store(target1 + (2 * TVector.Count));
            fourth1.Store(target1 + (3 * TVector.Count));
            target += 4 * TVector.Count;
        }
    }
}
