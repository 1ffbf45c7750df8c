using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>bfloat16: the upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Element : IWeightElement
{
    public static int Bytes => 2;

    public static bool EvensFirst => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadGroup<TVector>(byte* source, out TVector first, out TVector second)
        where TVector : unmanaged, IFloatVector<TVector>
    {
        TVector pairs = TVector.Load((float*)source);
        first = TVector.ShiftLeft(pairs, 16);
        second = pairs & TVector.BroadcastBits(0xFFFF0000);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector>(byte* source) where TVector : unmanaged, IFloatVector<TVector> =>
        TVector.ShiftLeft(TVector.LoadLowHalves((ushort*)source), 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadOne(byte* source) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)source << 16);
}
