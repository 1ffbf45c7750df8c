using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Element-wise work and sums over contiguous float32 rows of any length.</summary>
internal static unsafe class RowMath<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>target += scale · addend.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(float* target, float* addend, float scale, int count)
    {
        TVector scales = TVector.Broadcast(scale);
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
            TVector.MultiplyAdd(TVector.Load(addend + index), scales, target + index).Store(target + index);
        for (; index < count; index++)
            target[index] += scale * addend[index];
    }

    /// <summary>target += addend.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* target, float* addend, int count)
    {
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
            (TVector.Load(target + index) + TVector.Load(addend + index)).Store(target + index);
        for (; index < count; index++)
            target[index] += addend[index];
    }

    /// <summary>values *= scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* values, float scale, int count)
    {
        TVector scales = TVector.Broadcast(scale);
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
            (TVector.Load(values + index) * scales).Store(values + index);
        for (; index < count; index++)
            values[index] *= scale;
    }

    /// <summary>Σ (values − center)^power for power 1 and 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Moment(float* values, float center, int power, int count)
    {
        TVector centers = TVector.Broadcast(center);
        TVector sums = TVector.Zero;
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
        {
            TVector distance = TVector.Load(values + index) - centers;
            sums += power == 1 ? distance : distance * distance;
        }
        float sum = TVector.Sum(sums);
        for (; index < count; index++)
        {
            float distance = values[index] - center;
            sum += power == 1 ? distance : distance * distance;
        }
        return sum;
    }

    /// <summary>The largest value; −∞ for none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Largest(float* values, int count)
    {
        TVector largest = TVector.Broadcast(float.NegativeInfinity);
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
            largest = TVector.Max(largest, TVector.Load(values + index));
        float result = TVector.Largest(largest);
        for (; index < count; index++)
            result = MathF.Max(result, values[index]);
        return result;
    }

    /// <summary>values = 2^(values − shift), weights of a softmax, where no value exceeds the shift; returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float PowersOfTwo(float* values, float shift, int count)
    {
        TVector shifts = TVector.Broadcast(shift);
        TVector sums = TVector.Zero;
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
        {
            TVector power = VectorMath.Exp2OfWeight(TVector.Load(values + index) - shifts);
            power.Store(values + index);
            sums += power;
        }
        float sum = TVector.Sum(sums);
        float* lane = stackalloc float[TVector.Count];
        for (; index < count; index++)
        {
            VectorMath.Exp2OfWeight(TVector.Broadcast(values[index] - shift)).Store(lane);
            values[index] = lane[0];
            sum += lane[0];
        }
        return sum;
    }

    /// <summary>gates = silu(gates) · values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SiluProduct(float* gates, float* values, int count)
    {
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
            (VectorMath.Silu(TVector.Load(gates + index)) * TVector.Load(values + index)).Store(gates + index);
        float* lane = stackalloc float[TVector.Count];
        for (; index < count; index++)
        {
            VectorMath.Silu(TVector.Broadcast(gates[index])).Store(lane);
            gates[index] = lane[0] * values[index];
        }
    }
}
