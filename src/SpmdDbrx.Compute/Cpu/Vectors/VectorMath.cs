using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Elementary functions on registers.</summary>
internal static class VectorMath
{
    /// <summary>e^x within 2 units in the last place; 0 below −104, +∞ above 88.73, NaN for NaN.</summary>
    /// <remarks>x = n·ln 2 + r with |r| ≤ ln 2 / 2, the Taylor polynomial of e^r to degree 7, and 2^n in two factors so that subnormal results are right.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp<TVector>(TVector x) where TVector : unmanaged, IFloatVector<TVector>
    {
        x = TVector.Max(TVector.Broadcast(-105f), TVector.Min(TVector.Broadcast(89f), x));
        // Adding 1.5·2^23 rounds to an integer and leaves it in the low bits.
        TVector rounder = TVector.Broadcast(12582912f);
        TVector n = TVector.MultiplyAdd(x, TVector.Broadcast(1.44269504f), rounder) - rounder;
        TVector r = TVector.MultiplyAdd(n, TVector.Broadcast(-0.693359375f), x);
        r = TVector.MultiplyAdd(n, TVector.Broadcast(2.12194440e-4f), r);
        TVector p = TVector.Broadcast(1f / 5040);
        p = TVector.MultiplyAdd(p, r, TVector.Broadcast(1f / 720));
        p = TVector.MultiplyAdd(p, r, TVector.Broadcast(1f / 120));
        p = TVector.MultiplyAdd(p, r, TVector.Broadcast(1f / 24));
        p = TVector.MultiplyAdd(p, r, TVector.Broadcast(1f / 6));
        p = TVector.MultiplyAdd(p, r, TVector.Broadcast(0.5f));
        p = TVector.MultiplyAdd(p * r, r, r) + TVector.Broadcast(1f);
        TVector half = TVector.MultiplyAdd(n, TVector.Broadcast(0.5f), rounder) - rounder;
        return p * PowerOfTwo(half) * PowerOfTwo(n - half);
    }

    /// <summary>x / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Silu<TVector>(TVector x) where TVector : unmanaged, IFloatVector<TVector> =>
        x / (TVector.Broadcast(1f) + Exp(TVector.Zero - x));

    /// <summary>2^n for whole n from −126 to 127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector PowerOfTwo<TVector>(TVector n) where TVector : unmanaged, IFloatVector<TVector> =>
        TVector.ShiftLeft(n + TVector.Broadcast(12582912f + 127), 23);
}
