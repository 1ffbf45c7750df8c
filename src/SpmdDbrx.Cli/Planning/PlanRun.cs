using System.Diagnostics;
using System.Globalization;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Reports;
using SpmdDbrx.Engine.Placement;

namespace SpmdDbrx.Cli.Planning;

/// <summary>One run of <c>plan</c>.</summary>
internal sealed class PlanRun
{
    private const int CheckSelections = 200_000;

    public required int Nodes { get; init; }
    public required int[] ExpertsPerNode { get; init; }
    public required string Model { get; init; }
    public required string? TraceFile { get; init; }
    public required string Kind { get; init; }
    public required string? OutputFile { get; init; }
    public required int Seed { get; init; }
    public required string Format { get; init; }

    public int Execute()
    {
        if (!LaunchedRank.IsFirst)
            return ExitCode.Done;
        int[] slots = Slots();
        (RoutingDistribution search, RoutingDistribution check) = Routing();
        Stopwatch clock = Stopwatch.StartNew();
        List<(string Kind, ExpertPlacement Placement)> candidates = [("best", PlacementSearch.Run(search, slots, Seed))];
        double seconds = clock.Elapsed.TotalSeconds;
        candidates.Add(("ring", ExpertPlacement.Ring(search.ExpertCount, slots)));
        if (FitsContiguous(search.ExpertCount, slots))
            candidates.Add(("contiguous", ExpertPlacement.Contiguous(search.ExpertCount, Nodes)));
        ReportFormat.Print(Format, [("placements", Comparison(candidates, check, seconds)), ("nodes", Holdings(candidates))]);
        Save(candidates, check);
        return ExitCode.Done;
    }

    private bool FitsContiguous(int expertCount, int[] slots)
    {
        if (Nodes > expertCount)
            return false;
        ExpertPlacement contiguous = ExpertPlacement.Contiguous(expertCount, Nodes);
        return Enumerable.Range(0, Nodes).All(rank => contiguous.ExpertsOf(rank).Length <= slots[rank]);
    }

    private int[] Slots() =>
        ExpertsPerNode.Length == Nodes ? ExpertsPerNode
        : ExpertsPerNode.Length == 1 ? [.. Enumerable.Repeat(ExpertsPerNode[0], Nodes)]
        : throw new UsageException($"--experts-per-node: expected one number or one for each of {Nodes} nodes, found {ExpertsPerNode.Length}");

    /// <summary>What to search with, and what to judge by: the same where all selections are known, an independent sample where they are drawn.</summary>
    private (RoutingDistribution Search, RoutingDistribution Check) Routing()
    {
        if (TraceFile is not null)
        {
            RoutingDistribution recorded = RoutingDistribution.FromTrace(RoutingTrace.Load(TraceFile));
            return (recorded, recorded);
        }
        ModelShape shape = Catalogue.Model(Model);
        RoutingDistribution search = RoutingDistribution.Uniform(shape.ExpertCount, shape.TopK, RoutingDistribution.SearchLimit, Seed);
        return (search, search.IsSampled ? RoutingDistribution.Uniform(shape.ExpertCount, shape.TopK, CheckSelections, Seed + 1) : search);
    }

    private ReportTable Comparison(IEnumerable<(string Kind, ExpertPlacement Placement)> candidates, RoutingDistribution check, double seconds)
    {
        string title = string.Create(CultureInfo.InvariantCulture,
            $"{Nodes} nodes, routing {check.Description}: selected experts of the busiest node per layer (search {seconds:F1} s)");
        ReportTable table = new(title, "placement", "E[max]", "±", "copies of an expert");
        foreach ((string kind, ExpertPlacement placement) in candidates)
        {
            ExpectedMaxLoad load = ExpectedMaxLoad.Of(placement, check);
            int[] copies = [.. Enumerable.Range(0, placement.ExpertCount).Select(expert => placement.RanksOf(expert).Length)];
            table.Add(kind, load.Mean.ToString("F4", CultureInfo.InvariantCulture),
                load.StandardError > 0 ? load.StandardError.ToString("F4", CultureInfo.InvariantCulture) : "0",
                copies.Min() == copies.Max() ? $"{copies.Min()}" : $"{copies.Min()} to {copies.Max()}");
        }
        return table;
    }

    private ReportTable Holdings(List<(string Kind, ExpertPlacement Placement)> candidates)
    {
        ExpertPlacement chosen = Chosen(candidates);
        ReportTable table = new($"Experts of each node, {Kind} placement", "node", "count", "experts");
        for (int rank = 0; rank < chosen.RankCount; rank++)
            table.Add(rank, chosen.ExpertsOf(rank).Length, string.Join(" ", chosen.ExpertsOf(rank).ToArray()));
        return table;
    }

    private void Save(List<(string Kind, ExpertPlacement Placement)> candidates, RoutingDistribution check)
    {
        if (OutputFile is null)
            return;
        ExpertPlacement chosen = Chosen(candidates);
        string note = $"plan --nodes {Nodes} --experts-per-node {string.Join(',', ExpertsPerNode)} --seed {Seed}: {Kind}";
        using PendingFile file = new(OutputFile);
        ExpertPlacementFile.Write(file.Stream, chosen, check, note);
        file.Complete();
        if (Format == "table")
            Console.Out.WriteLine($"written to {OutputFile}");
    }

    private ExpertPlacement Chosen(List<(string Kind, ExpertPlacement Placement)> candidates)
    {
        int index = candidates.FindIndex(candidate => candidate.Kind == Kind);
        return index >= 0 ? candidates[index].Placement
            : throw new UsageException(
                $"--kind contiguous: {Nodes} equal shares of {candidates[0].Placement.ExpertCount} experts do not fit --experts-per-node {string.Join(',', ExpertsPerNode)}; use ring or best");
    }
}
