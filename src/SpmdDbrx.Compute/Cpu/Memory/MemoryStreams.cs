using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Over how many streams one core reads weights; with a pair of them, keys and values too.</summary>
/// <remarks>Measured on Zen 3 (AVX2) and on Zen 5 (bench/results/amd-epyc-zen5-2-cores/kernels.md), whose answer stands for every processor with
/// 512-bit registers: no other has been measured.</remarks>
internal static class MemoryStreams
{
    /// <summary>Up to 256-bit registers.</summary>
    public const int Eight = 8;

    /// <summary>With 512-bit registers.</summary>
    public const int Pair = 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Count<TVector>() where TVector : unmanaged, IFloatVector<TVector> => TVector.Count == FloatVector512.Count ? Pair : Eight;
}
