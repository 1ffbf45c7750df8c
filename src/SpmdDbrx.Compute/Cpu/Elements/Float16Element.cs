using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>IEEE binary16, widened exactly: subnormals, infinities and NaN included.</summary>
internal readonly unsafe struct Float16Element : IWeightElement
{
    private const uint Magnitude = 0x7FFF << 13;
    private const uint Sign = 0x80000000;

    public static int Bytes => 2;

    public static bool EvensFirst => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadGroup<TVector>(byte* source, out TVector first, out TVector second)
        where TVector : unmanaged, IFloatVector<TVector>
    {
        TVector pairs = TVector.Load((float*)source);
        TVector magnitude = TVector.BroadcastBits(Magnitude);
        TVector sign = TVector.BroadcastBits(Sign);
        first = Widen(TVector.ShiftLeft(pairs, 13) & magnitude, TVector.ShiftLeft(pairs, 16) & sign);
        second = Widen(TVector.ShiftRight(pairs, 3) & magnitude, pairs & sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector>(byte* source) where TVector : unmanaged, IFloatVector<TVector>
    {
        TVector bits = TVector.LoadLowHalves((ushort*)source);
        return Widen(
            TVector.ShiftLeft(bits, 13) & TVector.BroadcastBits(Magnitude),
            TVector.ShiftLeft(bits, 16) & TVector.BroadcastBits(Sign));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadOne(byte* source) => (float)*(Half*)source;

    /// <summary>The magnitude stands where a float32 has it, with an exponent that is 112 too small; a product mends it, subnormals included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Widen<TVector>(TVector magnitude, TVector sign) where TVector : unmanaged, IFloatVector<TVector>
    {
        TVector value = magnitude * TVector.BroadcastBits((127 + 112) << 23);
        TVector special = TVector.GreaterOrEqualBits(magnitude, TVector.BroadcastBits(0x1F << 23));
        return value | (special & TVector.BroadcastBits(0x7F800000)) | sign;
    }
}
