using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>How <see cref="Prestacker"/> works.</summary>
public sealed record PrestackOptions
{
    /// <summary>BFloat16 = convert every weight to it; null = keep each as stored.</summary>
    public ElementType? Weights { get; init; }

    /// <summary>Replace a prestacked directory that is there.</summary>
    public bool Force { get; init; }

    /// <summary>Files written at a time; each takes about 20 MB of memory.</summary>
    public int Threads { get; init; } = Math.Min(Environment.ProcessorCount, 8);
}
