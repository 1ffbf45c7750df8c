using System.Globalization;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance;

/// <summary>The ways to spread a model over the same nodes, each predicted: what "estimate" lists and what the program chooses from.</summary>
/// <param name="Spread">Which way.</param>
/// <param name="Prediction">What the model says.</param>
public sealed record Alternative(Spread Spread, Prediction Prediction)
{
    private const int SearchSteps = 4_000;

    /// <summary>In words, with the experts of a node where they are chosen.</summary>
    public string Name => Spread switch
    {
        Spread.Ring => $"{Spread.Words()}, {HeldPerNode} experts a node",
        Spread.Searched => $"{Spread.Words()}, {HeldPerNode} a node",
        _ => Spread.Words(),
    };

    private string HeldPerNode => Prediction.Deployment.Placement!.ExpertsOf(0).Length.ToString(CultureInfo.InvariantCulture);

    /// <summary>All alternatives for a number of nodes that make sense, in the order of a report; those that do not fit are included and say so.</summary>
    /// <param name="model">Sizes.</param>
    /// <param name="hardware">One node.</param>
    /// <param name="network">Between them.</param>
    /// <param name="software">How far the program stays below the best.</param>
    /// <param name="common">Ranks, strategy, weights and routing; partition, placement and split attention vary.</param>
    /// <param name="workload">Prompt and context.</param>
    /// <param name="expertsPerNode">Most experts a node may hold; null = as many as fit.</param>
    /// <param name="sharesExperts">Whether ranks that map the same files may run each other's experts.</param>
    public static IReadOnlyList<Alternative> For(
        ModelShape model, Hardware hardware, Network network, Software software, Deployment common, Workload workload, int? expertsPerNode = null,
        bool sharesExperts = true)
    {
        List<Alternative> alternatives = [];
        foreach ((Spread spread, Deployment deployment) in Deployments(model, hardware, software, common, workload, expertsPerNode, sharesExperts))
            alternatives.Add(new Alternative(spread, PerformanceModel.Predict(model, hardware, network, software, deployment, workload)));
        return alternatives;
    }

    /// <summary>The fastest that fits; null if none does.</summary>
    public static Alternative? Best(IEnumerable<Alternative> alternatives) =>
        alternatives.Where(alternative => alternative.Prediction.Fits).MaxBy(alternative => alternative.Prediction.TokensPerSecond);

    private static IEnumerable<(Spread Spread, Deployment Deployment)> Deployments(
        ModelShape model, Hardware hardware, Software software, Deployment common, Workload workload, int? expertsPerNode, bool sharesExperts)
    {
        int ranks = common.RankCount;
        if (ranks == 1)
        {
            yield return (Spread.OneRank, common with { Placement = ExpertPlacement.Contiguous(model.ExpertCount, 1) });
            yield break;
        }
        if (ranks <= model.ExpertCount)
        {
            ExpertPlacement contiguous = ExpertPlacement.Contiguous(model.ExpertCount, ranks);
            yield return (Spread.EachOnce, common with { Placement = contiguous });
            if (sharesExperts && common.Files.Distinct().Count() < ranks)
                yield return (Spread.SharedOnNode, common with { Placement = contiguous.SharedWithinHosts([.. common.Files]) });
        }
        if (common.NodeCount > 1)
        {
            int held = Math.Min(model.ExpertCount, expertsPerNode ?? ExpertsThatFit(model, hardware, software, common, workload));
            foreach ((Spread, Deployment) overlapped in Overlapped(model, common, held))
                yield return overlapped;
        }
        yield return (Spread.Slices, common with { Partition = Partition.Slices, Placement = null });
        if (common.Strategy.Topology == Topology.Decentralized)
            yield return (Spread.SlicesAndHeads, common with { Partition = Partition.Slices, Placement = null, SplitsAttention = true });
    }

    private static IEnumerable<(Spread Spread, Deployment Deployment)> Overlapped(ModelShape model, Deployment common, int held)
    {
        int nodes = common.NodeCount;
        if ((long)held * nodes <= model.ExpertCount || nodes > ExpectedMaxLoad.MaskedRanks)
            yield break;
        yield return (Spread.Ring, common with { Placement = OnEveryRank(ExpertPlacement.Ring(model.ExpertCount, nodes, held), common) });
        RoutingDistribution routing = common.Routing ?? RoutingDistribution.Uniform(model.ExpertCount, model.TopK, RoutingDistribution.SearchLimit, seed: 1);
        ExpertPlacement best = PlacementSearch.Run(routing, [.. Enumerable.Repeat(held, nodes)], seed: 1, SearchSteps, restarts: 1);
        yield return (Spread.Searched, common with { Placement = OnEveryRank(best, common) });
    }

    /// <summary>Every rank holds what a placement on nodes gives its node.</summary>
    private static ExpertPlacement OnEveryRank(ExpertPlacement onNodes, Deployment common)
    {
        int[] nodeOfRank = [.. common.Nodes];
        List<int> nodes = [.. nodeOfRank.Distinct()];
        return new ExpertPlacement(onNodes.ExpertCount, [.. nodeOfRank.Select(node => onNodes.ExpertsOf(nodes.IndexOf(node)).ToArray())]);
    }

    /// <summary>Experts for which a node has memory beside what it needs anyway; at least one.</summary>
    private static int ExpertsThatFit(ModelShape model, Hardware hardware, Software software, Deployment common, Workload workload)
    {
        ExpertLoad none = new(0, 0, 0, 0);
        double fixedBytes = PerformanceModel.MemoryBytesPerNode(model, software, common, none, workload);
        double expertBytes = model.LayerCount * model.ExpertWeights * common.Weights.ExpertBits / 8;
        return (int)Math.Clamp((hardware.UsableMemoryBytes.Value - fixedBytes) / expertBytes, 1, model.ExpertCount);
    }
}
