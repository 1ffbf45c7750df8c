namespace SpmdDbrx.Compute.Cpu;

/// <summary>How a stored weight becomes float32.</summary>
/// <remarks>Weights are read in groups of two registers. 16-bit types give the group's even elements first and its odd ones second,
/// because those cost one instruction each; activations that meet them are brought into the same order by <see cref="LaneOrder"/>.</remarks>
internal unsafe interface IWeightElement
{
    /// <summary>Bytes of one element.</summary>
    static abstract int Bytes { get; }

    /// <summary>Whether a group is read as evens and odds; otherwise as first and second half.</summary>
    static abstract bool EvensFirst { get; }

    /// <summary>Reads one group of 2 · <c>TVector.Count</c> elements.</summary>
    static abstract void LoadGroup<TVector>(byte* source, out TVector first, out TVector second)
        where TVector : unmanaged, IFloatVector<TVector>;

    /// <summary>Reads <c>TVector.Count</c> elements in their natural order.</summary>
    static abstract TVector Load<TVector>(byte* source) where TVector : unmanaged, IFloatVector<TVector>;

    /// <summary>One element.</summary>
    static abstract float LoadOne(byte* source);
}
