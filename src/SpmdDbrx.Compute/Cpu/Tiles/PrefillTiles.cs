namespace SpmdDbrx.Compute.Cpu;

/// <summary>How a device multiplies bfloat16 weights with many tokens.</summary>
internal enum PrefillTiles
{
    /// <summary><see cref="FloatTiles{TVector, TElement}"/>.</summary>
    Float,

    /// <summary><see cref="RoundedFloatTiles{TVector}"/>.</summary>
    RoundedFloat,

    /// <summary><see cref="BFloat16Tiles{TVector, TKernels}"/> on the processor's instructions.</summary>
    BFloat16,

    /// <summary>The same on instructions written in C++, for tests.</summary>
    PortableBFloat16,
}
