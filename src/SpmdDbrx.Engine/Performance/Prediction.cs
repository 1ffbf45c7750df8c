namespace SpmdDbrx.Engine.Performance;

/// <summary>What the model says about one deployment.</summary>
public sealed record Prediction
{
    /// <summary>What was asked.</summary>
    public required Deployment Deployment { get; init; }

    /// <summary>The parts of <see cref="SecondsPerToken"/>.</summary>
    public required IReadOnlyList<Term> Terms { get; init; }

    /// <summary>Experts that a rank runs in a layer, on average: the selected ones of the busiest rank, or all it holds (busy full).</summary>
    public required double ExpertsPerLayer { get; init; }

    /// <summary>Time to process the prompt, seconds.</summary>
    public required double PromptSeconds { get; init; }

    /// <summary>Tokens of the prompt.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Weights and caches on the fullest node, bytes.</summary>
    public required double MemoryBytesPerNode { get; init; }

    /// <summary>Memory that the node has for them, bytes.</summary>
    public required double UsableMemoryBytes { get; init; }

    /// <summary>Money, where hardware and network have prices.</summary>
    public required Cost? Cost { get; init; }

    /// <summary>Time of one generated token, seconds.</summary>
    public double SecondsPerToken => Terms.Sum(term => term.Seconds);

    /// <summary>Generated tokens a second.</summary>
    public double TokensPerSecond => 1 / SecondsPerToken;

    /// <summary>Prompt tokens a second.</summary>
    public double PromptTokensPerSecond => PromptTokens / PromptSeconds;

    /// <summary>Whether everything fits.</summary>
    public bool Fits => MemoryBytesPerNode <= UsableMemoryBytes;

    /// <summary>Seconds a token of one column of [P1]'s Table 4.</summary>
    public double SecondsOf(TermGroup group) => Terms.Where(term => term.Group == group).Sum(term => term.Seconds);
}
