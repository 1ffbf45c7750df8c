using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;

namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>What a <see cref="ClusterSimulation"/> runs: a deployment, what the router selects, and what does not go as planned.</summary>
public sealed record SimulationScenario
{
    /// <summary>Sizes.</summary>
    public required ModelShape Model { get; init; }

    /// <summary>One node per rank (unequal nodes), or one for all.</summary>
    public required IReadOnlyList<Hardware> Hardware { get; init; }

    /// <summary>Between ranks.</summary>
    public required Network Network { get; init; }

    /// <summary>How far the program stays below the best.</summary>
    public required Software Software { get; init; }

    /// <summary>How the model is spread; its topology has to be decentralized.</summary>
    public required Deployment Deployment { get; init; }

    /// <summary>Selected experts per token and layer; every token of it is generated once.</summary>
    public required RoutingTrace Trace { get; init; }

    /// <summary>Tokens in the KV cache.</summary>
    public int ContextTokens { get; init; }

    /// <summary>Messages of an all-reduce; null = as the software does it.</summary>
    public AllReduceSchedule? AllReduce { get; init; }

    /// <summary>Mean delay of a computation as a share of it, exponentially distributed, independent for every rank and layer.</summary>
    public double ComputeJitter { get; init; }

    /// <summary>Mean delay of a message beyond the latency, exponentially distributed, seconds.</summary>
    public double LatencyJitterSeconds { get; init; }

    /// <summary>Ranks whose every computation takes this many times longer.</summary>
    public IReadOnlyDictionary<int, double> Stragglers { get; init; } = new Dictionary<int, double>();

    /// <summary>Of all randomness.</summary>
    public int Seed { get; init; } = 1;
}
