namespace SpmdDbrx.Compute.Cpu;

/// <summary>Which of the loaded kernels tiles use, as a type: each choice is compiled by itself.</summary>
internal interface INativeKernels
{
    /// <summary>The kernels; only used where they are there.</summary>
    static abstract NativeKernels Loaded { get; }
}

/// <summary>The processor's instructions.</summary>
internal readonly struct ProcessorKernels : INativeKernels
{
    public static NativeKernels Loaded => NativeKernels.OfProcessor!;
}

/// <summary>Their definition in C++.</summary>
internal readonly struct PortableKernels : INativeKernels
{
    public static NativeKernels Loaded => NativeKernels.Portable!;
}
