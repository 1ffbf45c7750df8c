namespace SpmdDbrx.Compute.Metal;

/// <summary>How a <see cref="MetalDevice"/> works.</summary>
public sealed record MetalOptions
{
    /// <summary>Longest time one command buffer may take before it counts as hanging.</summary>
    /// <remarks>macOS ends GPU work that hangs within seconds, and that is reported when it happens; this is for the case that it does
    /// not. A command buffer holds a layer of one batch: under a second on a GPU, but the first may wait until a slice of 100 GB
    /// has come from the disk, and the emulator needs minutes for long prompts of large models.</remarks>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Whether residency sets keep weights wired, where the system has them (macOS 15).</summary>
    public bool UseResidencySets { get; init; } = true;

    /// <summary>Attention reads keys in two passes from this many keys on (MLX, scaled_dot_product_attention.cpp).</summary>
    public int TwoPassKeys { get; init; } = 1024;

    /// <summary>Room for what the host uploads with its dispatches; grows when it does not suffice.</summary>
    internal long UploadBytes { get; init; } = 256 * 1024;
}
