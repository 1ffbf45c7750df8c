using System.Numerics;
using System.Runtime.InteropServices;

namespace SpmdDbrx.Mpi;

/// <summary>Element-wise reduction of the in-process world.</summary>
internal static class Reduction
{
    /// <summary>accumulated[i] = accumulated[i] ∘ values[i].</summary>
    public static void Combine<T>(Span<T> accumulated, ReadOnlySpan<T> values, ReductionKind kind) where T : unmanaged
    {
        switch (ReductionTypes.Of<T>())
        {
            case ReductionType.Byte: CombineNumbers<T, byte>(accumulated, values, kind); break;
            case ReductionType.Int32: CombineNumbers<T, int>(accumulated, values, kind); break;
            case ReductionType.Int64: CombineNumbers<T, long>(accumulated, values, kind); break;
            case ReductionType.Single: CombineNumbers<T, float>(accumulated, values, kind); break;
            case ReductionType.Double: CombineNumbers<T, double>(accumulated, values, kind); break;
        }
    }

    private static void CombineNumbers<T, TNumber>(Span<T> accumulated, ReadOnlySpan<T> values, ReductionKind kind)
        where T : unmanaged
        where TNumber : unmanaged, INumber<TNumber>
    {
        Span<TNumber> into = MemoryMarshal.Cast<T, TNumber>(accumulated);
        ReadOnlySpan<TNumber> from = MemoryMarshal.Cast<T, TNumber>(values);
        for (int i = 0; i < into.Length; i++)
        {
            into[i] = kind switch
            {
                ReductionKind.Add => into[i] + from[i],
                ReductionKind.Max => from[i] > into[i] ? from[i] : into[i],
                _ => from[i] < into[i] ? from[i] : into[i],
            };
        }
    }
}
