using System.Globalization;
using System.Numerics;
using SpmdDbrx.Engine.Performance.Reports;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>One model on 1, 2, 4, … ranks: where one all-reduce a layer stops paying, and what takes its place.</summary>
/// <remarks>Three answers are simulated: the usual all-reduce by recursive doubling; an exchange in fewer, wider steps; and, for many users,
/// groups of ranks with an all-reduce of their own (copies of the model, or stages of a pipeline where it does not fit into one group).</remarks>
public sealed class ScalingStudy
{
    private const int LargestSimulatedRing = 64;
    private const double KeptShareOfSpeed = 0.8;

    private readonly SimulationScenario scenario;
    private readonly List<Row> rows = [];

    private sealed record Row(int Ranks, SimulationResult Doubling, SimulationResult? Ring, SimulationResult Wide, string WideName, SimulationResult? Split);

    private ScalingStudy(SimulationScenario scenario) => this.scenario = scenario;

    /// <summary>Simulates every number of ranks.</summary>
    /// <param name="scenario">Everything but the number of ranks; experts are sliced, since whole ones end at their number.</param>
    /// <param name="rankCounts">Ascending.</param>
    public static ScalingStudy Run(SimulationScenario scenario, IEnumerable<int> rankCounts)
    {
        ScalingStudy study = new(scenario);
        foreach (int rankCount in rankCounts)
            study.rows.Add(study.Simulate(rankCount));
        return study;
    }

    /// <summary>Ranks with the most tokens a second for one user, by recursive doubling.</summary>
    public int FastestRankCount => rows.MaxBy(row => row.Doubling.TokensPerSecond)!.Ranks;

    /// <summary>One line a number of ranks.</summary>
    public ReportTable Table()
    {
        ReportTable table = new($"{scenario.Model.Title}, slices, {scenario.Network.Title}: one all-reduce a layer on more and more ranks",
            "ranks", "compute ms", "all-reduce ms", "share", "tok/s", "tok/s, ring", "tok/s, wide steps", "steps", "tok/s, attention split", "groups", "tok/s of all users");
        foreach (Row row in rows)
        {
            (int Size, double TokensPerSecond)? groups = Groups(row.Ranks);
            table.Add(
                row.Ranks, Milliseconds(row.Doubling.ComputeSecondsPerToken), Milliseconds(row.Doubling.CommunicationSecondsPerToken),
                (row.Doubling.CommunicationSecondsPerToken / row.Doubling.SecondsPerToken).ToString("P0", CultureInfo.InvariantCulture).Replace(" ", "", StringComparison.Ordinal),
                Speed(row.Doubling), Speed(row.Ring), Speed(row.Wide), row.WideName, Speed(row.Split),
                groups is null ? "–" : $"{row.Ranks / groups.Value.Size} × {groups.Value.Size}",
                groups is null ? "–" : groups.Value.TokensPerSecond.ToString("F1", CultureInfo.InvariantCulture));
        }
        return table;
    }

    /// <summary>What the table says, in sentences.</summary>
    public IReadOnlyList<string> Verdict()
    {
        Row fastest = rows.MaxBy(row => row.Doubling.TokensPerSecond)!;
        Row? half = rows.Find(row => row.Doubling.CommunicationSecondsPerToken > row.Doubling.SecondsPerToken / 2);
        Row widest = rows.MaxBy(row => row.Wide.TokensPerSecond)!;
        Row last = rows[^1];
        string beyond = fastest == last ? "and may gain beyond" : "more ranks are slower";
        List<string> sentences = [Invariant($"one all-reduce a layer is fastest on {fastest.Ranks} ranks: {fastest.Doubling.TokensPerSecond:F1} tok/s; {beyond}")];
        if (half is not null)
            sentences.Add(Invariant($"from {half.Ranks} ranks on, more than half of a token is all-reduce"));
        if (widest.Wide.TokensPerSecond > 1.02 * fastest.Doubling.TokensPerSecond)
            sentences.Add(Invariant($"an exchange in wide steps ({widest.WideName}) makes it {widest.Wide.TokensPerSecond:F1} tok/s on {widest.Ranks} ranks"));
        if (rows.Where(row => row.Split is not null).MaxBy(row => row.Split!.TokensPerSecond) is { } split && split.Split!.TokensPerSecond > 1.02 * widest.Wide.TokensPerSecond)
            sentences.Add(Invariant($"splitting attention too, at a second all-reduce a layer, makes it {split.Split.TokensPerSecond:F1} tok/s on {split.Ranks} ranks"));
        if (Groups(last.Ranks) is { } groups && groups.Size < last.Ranks)
        {
            string stages = StageCount(groups.Size) is > 1 and int count ? $"; {count} groups are the stages of a pipeline, since the model does not fit one" : "";
            sentences.Add(Invariant($"{last.Ranks} ranks are better used as {last.Ranks / groups.Size} groups of {groups.Size}, one user each: ")
                + Invariant($"{groups.TokensPerSecond:F0} tok/s together, each at least {KeptShareOfSpeed:P0} of the best{stages}"));
        }
        return sentences;
    }

    /// <summary>Tokens/s against ranks, both logarithmic.</summary>
    public SvgPlot Plot()
    {
        SvgPlot plot = new(scenario.Model.Title, $"{scenario.Hardware[0].Title} · {scenario.Network.Title} · simulated, slices", "ranks", "generated tokens/s of one user")
        {
            XLogarithmBase = 2,
        };
        plot.Add("recursive doubling", [.. rows.Select(row => ((double)row.Ranks, row.Doubling.TokensPerSecond))]);
        plot.Add("wide steps", [.. rows.Select(row => ((double)row.Ranks, row.Wide.TokensPerSecond))]);
        plot.Add("ring", [.. rows.Where(row => row.Ring is not null).Select(row => ((double)row.Ranks, row.Ring!.TokensPerSecond))]);
        plot.Add("wide steps, attention split", [.. rows.Where(row => row.Split is not null).Select(row => ((double)row.Ranks, row.Split!.TokensPerSecond))]);
        return plot;
    }

    private Row Simulate(int rankCount)
    {
        AllReduceSchedule wide = AllReduceSchedule.Fastest(
            rankCount, scenario.Network.LatencySeconds.Value, scenario.Software.MessageSeconds.Value, VectorBytes / scenario.Network.BytesPerSecond.Value);
        return new Row(
            rankCount,
            Simulate(rankCount, AllReduceSchedule.RecursiveDoubling(rankCount), splitsAttention: false),
            rankCount <= LargestSimulatedRing ? Simulate(rankCount, AllReduceSchedule.Ring(rankCount), splitsAttention: false) : null,
            Simulate(rankCount, wide, splitsAttention: false),
            wide.Name,
            rankCount <= scenario.Model.HeadCount ? Simulate(rankCount, wide, splitsAttention: true) : null);
    }

    private SimulationResult Simulate(int rankCount, AllReduceSchedule schedule, bool splitsAttention) => ClusterSimulation.Run(scenario with
    {
        AllReduce = schedule,
        Deployment = scenario.Deployment with { RankCount = rankCount, Partition = Partition.Slices, Placement = null, SplitsAttention = splitsAttention },
        Stragglers = scenario.Stragglers.Where(straggler => straggler.Key < rankCount).ToDictionary(),
    });

    private double VectorBytes =>
        (scenario.Software.ExchangesExpertOutputs ? scenario.Model.TopK : 1) * scenario.Model.HiddenDim * scenario.Software.BytesPerValue.Value;

    /// <summary>Groups with an all-reduce of their own, one user each: the smallest size that keeps most of the best speed of one user.</summary>
    /// <returns>Size of a group, and tokens/s of all users; null where the model does not fit so many ranks.</returns>
    private (int Size, double TokensPerSecond)? Groups(int rankCount)
    {
        List<Row> sizes = rows.FindAll(row => rankCount % row.Ranks == 0 && StageCount(row.Ranks) * row.Ranks <= rankCount);
        if (sizes.Count == 0)
            return null;
        double best = sizes.Max(row => row.Wide.TokensPerSecond);
        Row group = sizes.First(row => row.Wide.TokensPerSecond >= KeptShareOfSpeed * best);
        double secondsPerToken = group.Wide.SecondsPerToken + ((StageCount(group.Ranks) - 1) * scenario.Network.LatencySeconds.Value);
        return (group.Ranks, rankCount / group.Ranks / secondsPerToken);
    }

    /// <summary>Groups of this size that it takes to hold the model once.</summary>
    private int StageCount(int groupSize)
    {
        Deployment group = scenario.Deployment with { RankCount = groupSize, Partition = Partition.Slices, Placement = null };
        double bytes = PerformanceModel.MemoryBytesPerNode(
            scenario.Model, scenario.Software, group, group.LoadOf(scenario.Model), new Workload(1, Math.Max(1, scenario.ContextTokens)));
        double groups = Math.Ceiling(bytes / scenario.Hardware[0].UsableMemoryBytes.Value);
        return (int)BitOperations.RoundUpToPowerOf2((uint)groups);
    }

    private static string Speed(SimulationResult? result) => result is null ? "–" : result.TokensPerSecond.ToString("F1", CultureInfo.InvariantCulture);

    private static string Milliseconds(double seconds) => (seconds * 1e3).ToString("0.0##", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
