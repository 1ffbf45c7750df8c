namespace SpmdDbrx.Engine.Performance.Choice;

/// <summary>A way to run that was considered.</summary>
/// <param name="Alternative">Spread and prediction.</param>
/// <param name="StrategyName">Preset: naive, p-lb or p-lr-d.</param>
/// <param name="Obstacle">Why it cannot be had; null = it can.</param>
public sealed record Candidate(Alternative Alternative, string StrategyName, string? Obstacle)
{
    /// <summary>Generated tokens a second.</summary>
    public double TokensPerSecond => Alternative.Prediction.TokensPerSecond;

    /// <summary>In words.</summary>
    public override string ToString() => $"{Alternative.Name}, {StrategyName}";
}
