using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>The nearest bfloat16, ties to even; NaN stays NaN.</summary>
internal static class BFloat16Rounding
{
    /// <summary>Four values as bits: the upper half of each lane is the bfloat16, the lower one is not defined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Round(Vector128<float> values)
    {
        Vector128<uint> bits = values.AsUInt32();
        Vector128<uint> rounded = bits + Vector128.Create(0x7FFFu) + (Vector128.ShiftRightLogical(bits, 16) & Vector128<uint>.One);
        return Vector128.ConditionalSelect(Vector128.Equals(values, values).AsUInt32(), rounded, bits | Vector128.Create(0x0040_0000u));
    }

    /// <summary>Four pairs: the first of each in the low half of a lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Pair(Vector128<float> first, Vector128<float> second) =>
        Vector128.ShiftRightLogical(Round(first), 16) | (Round(second) & Vector128.Create(0xFFFF_0000u));

    /// <summary>Rounds values in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe void Run(float* values, long count)
    {
        long index = 0;
        for (; index <= count - 4; index += 4)
            (Round(Vector128.Load(values + index)) & Vector128.Create(0xFFFF_0000u)).AsSingle().Store(values + index);
        for (; index < count; index++)
            values[index] = (Round(Vector128.Create(values[index])) & Vector128.Create(0xFFFF_0000u)).AsSingle().ToScalar();
    }
}
