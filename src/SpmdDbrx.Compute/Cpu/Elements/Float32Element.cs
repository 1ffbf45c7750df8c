using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>float32, as it is.</summary>
internal readonly unsafe struct Float32Element : IWeightElement
{
    public static int Bytes => 4;

    public static bool EvensFirst => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadGroup<TVector>(byte* source, out TVector first, out TVector second)
        where TVector : unmanaged, IFloatVector<TVector>
    {
        first = TVector.Load((float*)source);
        second = TVector.Load((float*)source + TVector.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector>(byte* source) where TVector : unmanaged, IFloatVector<TVector> =>
        TVector.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LoadOne(byte* source) => *(float*)source;
}
