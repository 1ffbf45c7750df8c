using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>Every 16-bit pattern, subnormals, infinities and NaN included, through every way of loading it.</summary>
public unsafe class WeightElementTests
{
    [Fact]
    public void BFloat16_EveryPattern_IsExact() =>
        CheckWidths<BFloat16Element>(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16));

    [Fact]
    public void Float16_EveryPattern_IsExact() =>
        CheckWidths<Float16Element>(bits => (float)BitConverter.UInt16BitsToHalf(bits));

    private static void CheckWidths<TElement>(Func<ushort, float> widen) where TElement : struct, IWeightElement
    {
        Check<FloatVector128, TElement>(widen);
        Check<FloatVector256, TElement>(widen);
        Check<FloatVector512, TElement>(widen);
    }

    private static void Check<TVector, TElement>(Func<ushort, float> widen)
        where TVector : unmanaged, IFloatVector<TVector>
        where TElement : struct, IWeightElement
    {
        int group = 2 * TVector.Count;
        ushort* stored = stackalloc ushort[group];
        float* lanes = stackalloc float[group];
        float* natural = stackalloc float[TVector.Count];
        for (int first = 0; first <= ushort.MaxValue; first += group)
        {
            for (int index = 0; index < group; index++)
                stored[index] = (ushort)(first + index);
            TElement.LoadGroup((byte*)stored, out TVector evens, out TVector odds);
            evens.Store(lanes);
            odds.Store(lanes + TVector.Count);
            TElement.Load<TVector>((byte*)stored).Store(natural);
            for (int index = 0; index < group; index++)
            {
                float expected = widen(stored[index]);
                AssertSame(expected, lanes[LaneOrder.Lane<TVector>(index)]);
                AssertSame(expected, TElement.LoadOne((byte*)(stored + index)));
                if (index < TVector.Count)
                    AssertSame(expected, natural[index]);
            }
        }
    }

    /// <summary>The same bits, or both NaN.</summary>
    private static void AssertSame(float expected, float actual)
    {
        if (!(float.IsNaN(expected) && float.IsNaN(actual)))
            Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(actual));
    }
}
