using System.Runtime.InteropServices;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Float32 or float16 weights to bfloat16, to the nearest, ties to even; NaN stays NaN.</summary>
internal static class BFloat16Rounding
{
    /// <summary>Converts elements.</summary>
    /// <param name="source">Elements of type <paramref name="type"/>.</param>
    /// <param name="type">Float32 or Float16.</param>
    /// <param name="target">As many bfloat16 elements.</param>
    public static void Convert(ReadOnlySpan<byte> source, ElementType type, Span<byte> target)
    {
        Span<ushort> rounded = MemoryMarshal.Cast<byte, ushort>(target);
        if (type == ElementType.Float32)
        {
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(source);
            for (int index = 0; index < rounded.Length; index++)
                rounded[index] = Round(values[index]);
        }
        else
        {
            ReadOnlySpan<Half> values = MemoryMarshal.Cast<byte, Half>(source);
            for (int index = 0; index < rounded.Length; index++)
                rounded[index] = Round((float)values[index]);
        }
    }

    private static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
