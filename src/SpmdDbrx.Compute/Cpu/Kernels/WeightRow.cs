using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Single weight rows in natural order.</summary>
internal static unsafe class WeightRow<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>target = row, [count].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(byte* row, float* target, int count)
    {
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
            TElement.Load<TVector>(row + (index * TElement.Bytes)).Store(target + index);
        for (; index < count; index++)
            target[index] = TElement.LoadOne(row + (index * TElement.Bytes));
    }

    /// <summary>target = (source − mean) · scale · row, [count].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Normalize(float* source, float mean, float scale, byte* row, float* target, int count)
    {
        TVector means = TVector.Broadcast(mean);
        TVector scales = TVector.Broadcast(scale);
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
        {
            TVector weights = TElement.Load<TVector>(row + (index * TElement.Bytes));
            ((TVector.Load(source + index) - means) * scales * weights).Store(target + index);
        }
        for (; index < count; index++)
            target[index] = (source[index] - mean) * scale * TElement.LoadOne(row + (index * TElement.Bytes));
    }
}
