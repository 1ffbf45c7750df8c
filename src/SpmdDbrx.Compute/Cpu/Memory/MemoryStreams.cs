namespace SpmdDbrx.Compute.Cpu;

/// <summary>Over how many streams one core reads weights: eight, or two on processors with 512-bit registers.</summary>
/// <remarks>Measured on AVX2 (Zen 3) and on AVX-512 (Zen 5): bench/results, kernels.md of either.</remarks>
internal static class MemoryStreams
{
    public const int Eight = 8, Pair = 2;

    private const int WidestLanes = 16;

    public static int Count<TVector>() where TVector : unmanaged, IFloatVector<TVector> => TVector.Count == WidestLanes ? Pair : Eight;
}
