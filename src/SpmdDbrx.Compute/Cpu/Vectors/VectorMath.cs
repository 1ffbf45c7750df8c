using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Elementary functions on registers.</summary>
internal static class VectorMath
{
    /// <summary>1.5·2^23: adding it rounds to an integer and leaves that in the low bits.</summary>
    private const float Rounder = 12582912f;

    /// <summary>e^x within 2 units in the last place; 0 below −104, +∞ above 88.73, NaN for NaN.</summary>
    /// <remarks>e^r with x = n·ln 2 + r and |r| ≤ ln 2 / 2 by the Taylor polynomial to degree 7 in Estrin's scheme. 2^n comes in two factors,
    /// so that subnormal results are right.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp<TVector>(TVector x) where TVector : unmanaged, IFloatVector<TVector>
    {
        x = TVector.Max(TVector.Broadcast(-105f), TVector.Min(TVector.Broadcast(89f), x));
        TVector rounder = TVector.Broadcast(Rounder);
        TVector rounded = TVector.MultiplyAdd(x, TVector.Broadcast(1.44269504f), rounder);
        TVector n = rounded - rounder;
        TVector r = TVector.MultiplyAdd(n, TVector.Broadcast(-0.693359375f), x);
        r = TVector.MultiplyAdd(n, TVector.Broadcast(2.12194440e-4f), r);
        TVector square = r * r;
        TVector low = TVector.MultiplyAdd(r, TVector.Broadcast(1f / 6), TVector.Broadcast(0.5f));
        TVector middle = TVector.MultiplyAdd(r, TVector.Broadcast(1f / 120), TVector.Broadcast(1f / 24));
        TVector high = TVector.MultiplyAdd(r, TVector.Broadcast(1f / 5040), TVector.Broadcast(1f / 720));
        TVector p = TVector.MultiplyAdd(TVector.MultiplyAdd(high, square, middle), square, low);
        p = TVector.MultiplyAdd(p, square, r) + TVector.Broadcast(1f);
        TVector half = TVector.MultiplyAdd(n, TVector.Broadcast(0.5f), rounder);
        return p * PowerOfTwo(half) * PowerOfTwo(rounded - half + rounder);
    }

    /// <summary>2^x within 2 units in the last place for x up to 127, NaN for NaN; below −126 it stays 2^−126, some 10^−38.</summary>
    /// <remarks>2^r for |r| ≤ ½ by the polynomial through 1 at r = 0 and six Chebyshev nodes, in Estrin's scheme. The exponent's bias comes with the rounding.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp2OfWeight<TVector>(TVector x) where TVector : unmanaged, IFloatVector<TVector>
    {
        x = TVector.Max(TVector.Broadcast(-126f), x);
        TVector rounder = TVector.Broadcast(Rounder + 127f);
        TVector rounded = x + rounder;
        TVector r = x - (rounded - rounder);
        TVector square = r * r;
        TVector low = TVector.MultiplyAdd(r, TVector.Broadcast(0.240226507f), TVector.Broadcast(0.693147182f));
        TVector middle = TVector.MultiplyAdd(r, TVector.Broadcast(0.00961808302f), TVector.Broadcast(0.0555035695f));
        TVector high = TVector.MultiplyAdd(r, TVector.Broadcast(0.000154531634f), TVector.Broadcast(0.00133908633f));
        TVector p = TVector.MultiplyAdd(TVector.MultiplyAdd(high, square, middle), square, low);
        return TVector.MultiplyAdd(p, r, TVector.Broadcast(1f)) * TVector.ShiftLeft(rounded, 23);
    }

    /// <summary>x / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Silu<TVector>(TVector x) where TVector : unmanaged, IFloatVector<TVector> =>
        x / (TVector.Broadcast(1f) + Exp(TVector.Zero - x));

    /// <summary>2^n for whole n from −126 to 127 that come with <see cref="Rounder"/> added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector PowerOfTwo<TVector>(TVector rounded) where TVector : unmanaged, IFloatVector<TVector> =>
        TVector.ShiftLeft(rounded + TVector.Broadcast(127f), 23);
}
