using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Performance.Choice;

/// <summary>What a job allows, whatever its machines can do.</summary>
public sealed record JobConditions
{
    private const int TypicalTokens = 512;

    /// <summary>What a mean over thousands of selections may be off by.</summary>
    private const double Rounding = 1e-9;

    /// <summary>The model, as rank 0 sees it.</summary>
    public required ModelDirectory Model { get; init; }

    /// <summary>Which ranks map the same files, and which files they have.</summary>
    public required HostSharing Sharing { get; init; }

    /// <summary>Whether ranks of one host may run each other's experts.</summary>
    public required bool SharesExperts { get; init; }

    /// <summary>Whether ranks of one host that hold the same experts work on a token together, as they do unless the host has no memory that they can share.</summary>
    public required bool RunsTogether { get; init; }

    /// <summary>Whether results must be the same bits for any number of ranks.</summary>
    public required bool Deterministic { get; init; }

    /// <summary>Positions of the KV cache.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Most tokens of a prompt that pass the layers together.</summary>
    public required int BatchTokens { get; init; }

    /// <summary>Ranks.</summary>
    public int RankCount => Sharing.HostOfRank.Count;

    /// <summary>Ranks of the fullest host.</summary>
    public int RanksPerHost => Common.RanksPerNode;

    internal ModelShape Shape => ModelShape.From("model", Model.Config);

    internal Workload Workload
    {
        get
        {
            int tokens = Math.Min(TypicalTokens, ContextLength);
            return new Workload(tokens, tokens) { CacheTokens = ContextLength, BatchTokens = BatchTokens };
        }
    }

    /// <summary>What all alternatives have in common: the strategy p-lr-d as it runs where idle weights stay wired.</summary>
    internal Deployment Common => Deployment.Of(
        Model, Sharing, new EngineOptions { Topology = Topology.Decentralized, Loading = Loading.OnDemand }, placement: null) with { RunsTogether = RunsTogether };

    /// <summary>Whether ranks usually run each other's experts here.</summary>
    public bool IsShared => UsualPlacement is { HasReplicas: true };

    /// <summary>Whether every rank runs its equal part of each token's experts anyway: then nothing that could be measured speaks for another spread.</summary>
    public bool IsSettled
    {
        get
        {
            if (UsualPlacement is not { } usual)
                return false;
            ExpertLoad load = (Common with { Placement = usual }).LoadOf(Shape);
            return load.Busiest <= load.Mean * (1 + Rounding);
        }
    }

    /// <summary>What runs if nothing is chosen; null where there are more ranks than experts.</summary>
    private ExpertPlacement? UsualPlacement
    {
        get
        {
            if (RankCount > Model.Config.ExpertCount)
                return null;
            ExpertPlacement contiguous = ExpertPlacement.Contiguous(Model.Config.ExpertCount, RankCount);
            return SharesExperts ? Sharing.Share(contiguous) : contiguous;
        }
    }

    /// <summary>Why a deployment cannot be had on these ranks; null if it can.</summary>
    internal string? ObstacleTo(Deployment deployment)
    {
        if (deployment.Partition == Partition.Slices && Deterministic)
            return "--deterministic needs whole experts";
        if (deployment.Strategy.Loading == Loading.BusyFull && !Model.IsPrestacked)
            return "it needs a prestacked directory";
        for (int rank = 0; rank < RankCount; rank++)
        {
            IEnumerable<int> experts = deployment.Placement is { } placement ? placement.ExpertsOf(rank).ToArray() : Enumerable.Range(0, Model.Config.ExpertCount);
            int missing = experts.Append(-1).First(expert => expert < 0 || !Sharing.HasFiles(rank, expert));
            if (missing >= 0)
                return $"rank {rank} has no {Model.Expert(0, missing).W1.File}";
        }
        return null;
    }
}
