using System.Text.Json;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Choice;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Choosing;

/// <summary>What rank 0 chose, as it travels to the other ranks.</summary>
/// <param name="StrategyName">Preset.</param>
/// <param name="Slices">Slices instead of whole experts.</param>
/// <param name="SharesExperts">Ranks of a host run each other's experts.</param>
/// <param name="ExpertsOfRank">Who holds what; null = each expert once, in order.</param>
internal sealed record Decision(string StrategyName, bool Slices, bool SharesExperts, int[][]? ExpertsOfRank)
{
    /// <summary>The decision for a candidate.</summary>
    public static Decision For(Candidate candidate)
    {
        Deployment deployment = candidate.Alternative.Prediction.Deployment;
        bool shared = candidate.Alternative.Spread == Spread.SharedOnNode;
        bool isNamed = shared || deployment.Placement is null || candidate.Alternative.Spread == Spread.EachOnce;
        int[][]? experts = isNamed ? null : [.. Enumerable.Range(0, deployment.RankCount).Select(rank => deployment.Placement!.ExpertsOf(rank).ToArray())];
        return new Decision(candidate.StrategyName, deployment.Partition == Partition.Slices, shared, experts);
    }

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    public static Decision Parse(string text) => JsonSerializer.Deserialize<Decision>(text)!;

    /// <summary>For the way to the other ranks.</summary>
    public string ToText() => JsonSerializer.Serialize(this);

    /// <summary>The options with this decision.</summary>
    /// <param name="options">As the user gave them.</param>
    /// <param name="expertCount">Experts of the model.</param>
    public ModelOptions Apply(ModelOptions options, int expertCount)
    {
        ModelOptions chosen = options.WithPreset(StrategyName, Slices ? Partition.Slices : Partition.Experts);
        EngineOptions engine = chosen.Engine with
        {
            SharesExperts = SharesExperts,
            Placement = ExpertsOfRank is null ? null : new ExpertPlacement(expertCount, ExpertsOfRank),
        };
        return chosen with { Engine = engine };
    }
}
