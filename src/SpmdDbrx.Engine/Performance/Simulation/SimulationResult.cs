namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>What a simulation observed.</summary>
/// <param name="TokenSeconds">Per token: from the last rank's end of the token before to the last rank's end of this one.</param>
/// <param name="ComputeSecondsPerToken">Mean over ranks of the time spent computing.</param>
/// <param name="CommunicationSecondsPerToken">Mean over ranks of the time in all-reduces, waiting for others included.</param>
/// <param name="Rewirings">Arrays that had been idle past the deadline when used, over all ranks.</param>
/// <param name="Messages">Messages sent.</param>
/// <param name="ExpertsPerLayer">Mean experts of the busiest rank in a layer, spare ones included.</param>
public sealed record SimulationResult(
    IReadOnlyList<double> TokenSeconds,
    double ComputeSecondsPerToken,
    double CommunicationSecondsPerToken,
    long Rewirings,
    long Messages,
    double ExpertsPerLayer)
{
    /// <summary>Mean time of a token.</summary>
    public double SecondsPerToken => TokenSeconds.Average();

    /// <summary>Tokens a second.</summary>
    public double TokensPerSecond => 1 / SecondsPerToken;

    /// <summary>The time that a share of the tokens stays within.</summary>
    public double Quantile(double share) => TokenSeconds.Order().ElementAt((int)Math.Min(TokenSeconds.Count - 1, Math.Ceiling(share * TokenSeconds.Count)));
}
