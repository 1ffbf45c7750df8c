using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Synthetic;

/// <summary>What <see cref="SyntheticCheckpoint"/> writes beside the sizes.</summary>
public sealed record SyntheticOptions
{
    /// <summary>The same seed gives the same bytes on every machine.</summary>
    public ulong Seed { get; init; }

    /// <summary>Shards hold at most this many bytes of tensors, but at least one tensor.</summary>
    public long ShardBytes { get; init; } = 5_000_000_000;

    /// <summary>How norm weights are stored; null = as all weights.</summary>
    public ElementType? NormType { get; init; }

    /// <summary>How experts' w2 is stored; null = as all weights.</summary>
    public ElementType? DownType { get; init; }

    /// <summary>Directory whose tokenizer is copied; null = none.</summary>
    public string? TokenizerDirectory { get; init; }

    /// <summary>Threads that make and write values.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}
