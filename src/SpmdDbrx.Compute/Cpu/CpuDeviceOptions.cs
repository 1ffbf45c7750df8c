namespace SpmdDbrx.Compute;

/// <summary>How the CPU device computes.</summary>
/// <param name="Threads">Threads, the caller included; at least 1.</param>
public sealed record CpuDeviceOptions(int Threads)
{
    /// <summary>Whether others need the same cores, as when a host runs more ranks' threads than it has cores: idle threads then give way at once.</summary>
    public bool SharesCores { get; init; }

    /// <summary>Whether other ranks of the host read memory at the same time.</summary>
    public bool SharesMemory { get; init; }

    /// <summary>What batches of tokens are rounded to where they meet bfloat16 weights.</summary>
    public PrefillPrecision Prefill { get; init; } = PrefillPrecision.Float32;
}

/// <summary>What batches of tokens are rounded to before products with bfloat16 weights; single tokens never are.</summary>
public enum PrefillPrecision
{
    /// <summary>Not rounded.</summary>
    Float32,

    /// <summary>bfloat16: twice the multiply-adds an instruction where <see cref="CpuDevice.HasBFloat16DotProducts"/>; elsewhere rounded alike
    /// and no faster. Logits of the golden model move by up to 0.03, where float32 is within 0.0002.</summary>
    BFloat16,
}
