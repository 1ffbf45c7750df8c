namespace SpmdDbrx.Engine.Sampling;

/// <summary>How the next token is chosen from the logits.</summary>
public sealed record SamplingOptions
{
    /// <summary>Logits are divided by it; 0 = always the most probable token.</summary>
    public double Temperature { get; init; }

    /// <summary>Only the k most probable tokens; 0 = all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the most probable tokens whose probabilities add up to this; 1 = all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Seed of the random numbers; equal on every rank.</summary>
    public ulong Seed { get; init; }
}
