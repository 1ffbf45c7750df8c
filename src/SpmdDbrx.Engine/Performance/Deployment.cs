using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Performance;

/// <summary>How a model is spread over ranks.</summary>
public sealed record Deployment
{
    /// <summary>N.</summary>
    public required int RankCount { get; init; }

    /// <summary>Ranks that share one node's memory, bandwidth and arithmetic.</summary>
    public int RanksPerNode { get; init; } = 1;

    /// <summary>Ranks on the fullest node.</summary>
    public int RanksOnNode => Math.Min(RankCount, RanksPerNode);

    /// <summary>A number per rank, equal exactly for ranks of one node; null = <see cref="RanksPerNode"/> consecutive ranks each.</summary>
    public IReadOnlyList<int>? NodeOfRank { get; init; }

    /// <summary>A number per rank, equal exactly for ranks that map the same files, so that what they hold is in memory once; null = those of a node do.</summary>
    public IReadOnlyList<int>? FilesOfRank { get; init; }

    /// <summary>Stacking, topology, loading.</summary>
    public Strategy Strategy { get; init; } = Strategy.PrestackedRouterAidedDecentralized;

    /// <summary>Whole experts or slices of all.</summary>
    public Partition Partition { get; init; } = Partition.Experts;

    /// <summary>Who holds which experts; null = contiguous, each once. Without meaning for slices.</summary>
    public ExpertPlacement? Placement { get; init; }

    /// <summary>Whether ranks that hold the same experts from the same files work on a token together.</summary>
    public bool RunsTogether { get; init; }

    /// <summary>How experts are selected; null = uniformly.</summary>
    public RoutingDistribution? Routing { get; init; }

    /// <summary>Whether attention heads are spread over the ranks too, at the price of a second all-reduce a layer.</summary>
    public bool SplitsAttention { get; init; }

    /// <summary>The part of the LM head that a rank of the fullest node reads: the ranks of a node share it out where all of them run it.</summary>
    public double LmHeadShare => Strategy.Topology == Topology.Centralized ? 1 : 1.0 / RanksOnNode;

    /// <summary>The part of attention that a rank of the fullest node runs for a token: teams share it out where all ranks run attention.</summary>
    public double AttentionShare => Strategy.Topology == Topology.Centralized || Teams is not { } teams ? 1 : 1.0 / RanksOnFullestNodes.Min(teams.SizeOf);

    /// <summary>Whether ranks of a node run what is assigned to one of them together.</summary>
    public bool HasTeams => Teams is { Any: true };

    /// <summary>Bits of the weights.</summary>
    public WeightFormat Weights { get; init; } = WeightFormat.BFloat16;

    /// <summary>How a job runs a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sharing">The job's hosts.</param>
    /// <param name="options">Topology, loading and partition.</param>
    /// <param name="placement">Who holds which experts.</param>
    public static Deployment Of(ModelDirectory model, HostSharing sharing, EngineOptions options, ExpertPlacement? placement) => new()
    {
        RankCount = sharing.HostOfRank.Count,
        RanksPerNode = sharing.HostOfRank.GroupBy(host => host).Max(host => host.Count()),
        NodeOfRank = sharing.HostOfRank,
        FilesOfRank = sharing.GroupOfRank,
        Strategy = new Strategy(model.IsPrestacked ? Stacking.Prestacked : Stacking.Unstacked, options.Topology, options.Loading),
        Partition = options.Partition,
        Placement = placement,
        Weights = WeightFormat.Of(model.Config.WeightType),
    };

    /// <summary>Nodes.</summary>
    public int NodeCount => Nodes.Distinct().Count();

    /// <summary>A number per rank, equal exactly for ranks of one node.</summary>
    internal IEnumerable<int> Nodes => NodeOfRank ?? Enumerable.Range(0, RankCount).Select(rank => rank / RanksPerNode);

    /// <summary>A number per rank, equal exactly for ranks that map the same files.</summary>
    internal IEnumerable<int> Files => FilesOfRank ?? Nodes;

    /// <summary>Experts that ranks run and hold, per layer.</summary>
    /// <exception cref="InvalidInputException">More ranks than experts without replicas, or a placement for another model.</exception>
    internal ExpertLoad LoadOf(ModelShape model)
    {
        if (RankCount < 1)
            throw new InvalidInputException($"nodes: expected at least 1, found {RankCount}");
        if (RanksPerNode < 1)
            throw new InvalidInputException($"ranks per node: expected at least 1, found {RanksPerNode}");
        double mean = (double)model.TopK / RankCount;
        if (Partition == Partition.Slices)
            return new ExpertLoad(mean, mean, (double)model.ExpertCount / RankCount, RanksOnNode * (double)model.ExpertCount / RankCount);
        ExpertPlacement placement = Placement ?? ExpertPlacement.Contiguous(model.ExpertCount, RankCount);
        if (placement.ExpertCount != model.ExpertCount || placement.RankCount != RankCount)
            throw new InvalidInputException(
                $"placement: expected {model.ExpertCount} experts on {RankCount} ranks, found {placement.ExpertCount} on {placement.RankCount}");
        RoutingDistribution routing = Routing ?? RoutingDistribution.Uniform(model.ExpertCount, model.TopK, RoutingDistribution.SearchLimit, seed: 1);
        double held = Enumerable.Range(0, RankCount).Max(rank => placement.ExpertsOf(rank).Length);
        return new ExpertLoad(mean, ExpectedMaxLoad.Of(placement, routing, Teams).Mean, held, HeldByNode(placement));
    }

    /// <summary>Which ranks work on a token together: those that map the same files, where all of these hold the same experts; null = none.</summary>
    private RankTeams? Teams
    {
        get
        {
            if (!RunsTogether || Strategy.Loading != Loading.OnDemand || Partition == Partition.Slices || Placement is null)
                return null;
            List<int> files = [.. Files];
            int First(int rank) => files.IndexOf(files[rank]);
            bool HoldsWhatTheFirstDoes(int rank) => Placement.ExpertsOf(rank).SequenceEqual(Placement.ExpertsOf(First(rank)));
            HashSet<int> apart = [.. Enumerable.Range(0, RankCount).Where(rank => !HoldsWhatTheFirstDoes(rank)).Select(rank => files[rank])];
            return new RankTeams([.. Enumerable.Range(0, RankCount).Select(rank => apart.Contains(files[rank]) ? rank : First(rank))], batch: 1);
        }
    }

    private IEnumerable<int> RanksOnFullestNodes
    {
        get
        {
            int[] nodes = [.. Nodes];
            int most = nodes.GroupBy(node => node).Max(node => node.Count());
            return Enumerable.Range(0, RankCount).Where(rank => nodes.Count(node => node == nodes[rank]) == most);
        }
    }

    private int HeldByNode(ExpertPlacement placement) => Nodes.Zip(Files, (node, files) => (Node: node, Files: files))
        .Select((place, rank) => (place.Node, place.Files, Experts: placement.ExpertsOf(rank).ToArray()))
        .GroupBy(rank => rank.Node)
        .Max(node => node.GroupBy(rank => rank.Files).Sum(mapped => mapped.SelectMany(rank => rank.Experts).Distinct().Count()));
}
