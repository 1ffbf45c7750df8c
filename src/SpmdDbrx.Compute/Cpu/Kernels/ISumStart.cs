using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>What the sums of a product begin with.</summary>
internal interface ISumStart
{
    /// <summary>What the sums begin with that are stored at <paramref name="sums"/> in the end.</summary>
    static abstract unsafe TVector Of<TVector>(float* sums) where TVector : unmanaged, IFloatVector<TVector>;
}

/// <summary>Sums of this product alone; what stood in their place is not read.</summary>
internal readonly unsafe struct FromZero : ISumStart
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Of<TVector>(float* sums) where TVector : unmanaged, IFloatVector<TVector> => TVector.Zero;
}

/// <summary>Sums that go on.</summary>
internal readonly unsafe struct FromSums : ISumStart
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Of<TVector>(float* sums) where TVector : unmanaged, IFloatVector<TVector> => TVector.Load(sums);
}
