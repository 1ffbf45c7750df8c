using System.Globalization;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Reports;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance;

/// <summary>The model beside [P1], cell by cell: what it prints and what it measured.</summary>
public sealed class PaperComparison
{
    private readonly PaperFigures paper = PaperFigures.Load();
    private readonly ModelShape dbrx = Catalogue.Model("dbrx");
    private readonly Hardware macStudio = Catalogue.Hardware("m2-ultra-192");
    private readonly Network ethernet = Catalogue.Network("10gbe");
    private readonly Software program = Catalogue.Software("p1-mlx");
    private readonly Dictionary<int, double> bestExpectedMaxLoads = [];

    /// <summary>All tables in the order of the paper, with short names.</summary>
    public IReadOnlyList<(string Name, ReportTable Table)> Tables() =>
    [
        ("tables_3_and_4", Tables3And4()),
        ("table_5", Table5()),
        ("table_6", Table6()),
        ("figure_8", Figure8()),
        ("beyond", BestPlacements()),
    ];

    /// <summary>Mean of |predicted − measured| / measured of s/token over the rows of Tables 3 and 4.</summary>
    public double MeanAbsoluteError() => paper.Tables3And4.Average(row => Math.Abs((PredictRow(row).SecondsPerToken / row.SecondsPerToken) - 1));

    /// <summary>Predicts a row of Tables 3 and 4 with [P1]'s own placement: two halves of the experts, replicated.</summary>
    public Prediction PredictRow(PaperFigures.MeasuredRow row) => PerformanceModel.Predict(dbrx, macStudio, ethernet, program,
        new Deployment
        {
            RankCount = row.Nodes,
            Strategy = Strategy.Parse(row.Strategy),
            Placement = ExpertPlacement.ReplicatedGroups(dbrx.ExpertCount, row.Nodes, 2),
        },
        Workload.Paper);

    /// <summary>Eq. 1 as Table 6 prints it.</summary>
    public string[] BoundCells(PaperFigures.BoundRow row)
    {
        LowerBound bound = LowerBound.Of(dbrx, macStudio, ethernet, row.ExpertsPerLayer);
        return [Seconds(bound.Load), Seconds(bound.Compute), Seconds(bound.Latency), Seconds(bound.Transfer), Seconds(bound.Seconds), Tenths(bound.TokensPerSecond)];
    }

    /// <summary>Eq. 1 for two nodes on another network (Figure 8), tokens/s.</summary>
    public double BoundOnNetwork(string network) =>
        LowerBound.Of(dbrx, macStudio, Catalogue.Network(network), paper.Table6[0].ExpertsPerLayer).TokensPerSecond;

    /// <summary>Eq. 1 with the best placement of at most 8 experts a node, or with slices, tokens/s.</summary>
    public double BoundOf(string network, int nodes, Partition partition) =>
        LowerBound.Of(dbrx, macStudio, Catalogue.Network(network), partition == Partition.Slices ? (double)dbrx.TopK / nodes : BestExpectedMaxLoad(nodes)).TokensPerSecond;

    private ReportTable Tables3And4()
    {
        ReportTable table = new("Tables 3 and 4: measured by [P1], predicted from one set of constants (software p1-mlx), seconds a token",
            "strategy", "nodes", "column", "paper", "ours", "difference", "error");
        foreach (PaperFigures.MeasuredRow row in paper.Tables3And4)
        {
            Prediction ours = PredictRow(row);
            AddMeasured("MoE", row.Moe, ours.SecondsOf(TermGroup.Moe));
            AddMeasured("comm.", row.Communication, ours.SecondsOf(TermGroup.Communication));
            AddMeasured("misc.", row.Misc, ours.SecondsOf(TermGroup.Misc));
            AddMeasured("s/token", row.SecondsPerToken, ours.SecondsPerToken);
            table.Add(row.Strategy, row.Nodes, "prompt tok/s", Tenths(row.PromptTokensPerSecond), Tenths(ours.PromptTokensPerSecond),
                Text(ours.PromptTokensPerSecond - row.PromptTokensPerSecond, "+0.0;−0.0;0.0"), Percent((ours.PromptTokensPerSecond / row.PromptTokensPerSecond) - 1));

            void AddMeasured(string column, double measured, double predicted) => table.Add(
                row.Strategy, row.Nodes, column, Seconds(measured), Seconds(predicted), Signed(predicted - measured), Percent((predicted / measured) - 1));
        }
        table.Add("mean |error|", "", "s/token", "", "", "", Percent(MeanAbsoluteError()));
        return table;
    }

    private ReportTable Table5()
    {
        ReportTable table = new("Table 5: tokens/s/USD", "system", "tokens/s", "USD", "paper", "ours", "difference");
        double[] ratios = [.. paper.Table5.Select(row => row.TokensPerSecond / (row.Nodes * row.PriceUsd))];
        for (int index = 0; index < ratios.Length; index++)
        {
            PaperFigures.CostRow row = paper.Table5[index];
            table.Add(
                row.System, row.TokensPerSecond, row.Nodes * row.PriceUsd,
                row.TokensPerSecondPerUsd, Text(ratios[index], "F6"), Difference(row.TokensPerSecondPerUsd, ratios[index], "F6"));
        }
        double advantage = ratios[1] / ratios[0];
        table.Add("advantage of the Mac Studios", "", "", paper.Table5Advantage, Text(advantage, "F2"), Difference(paper.Table5Advantage, advantage, "F2"));
        return table;
    }

    private ReportTable Table6()
    {
        ReportTable table = new("Table 6: Eq. 1 on M2 Ultra and 10 GbE, seconds", "nodes", "column", "paper", "ours", "difference");
        foreach (PaperFigures.BoundRow row in paper.Table6)
        {
            string[] ours = BoundCells(row);
            for (int column = 0; column < ours.Length; column++)
                table.Add(row.Nodes, paper.Table6Columns[column], row.Cells[column], ours[column], row.Cells[column] == ours[column] ? "none" : "differs");
        }
        return table;
    }

    private ReportTable Figure8()
    {
        ReportTable table = new("Figure 8: two nodes on other networks, tokens/s", "network", "USD a node", "paper", "ours", "difference");
        foreach (PaperFigures.NetworkRow row in paper.Figure8)
        {
            double ours = BoundOnNetwork(row.Network);
            Network network = Catalogue.Network(row.Network);
            table.Add(network.Title, network.PriceUsdPerNode?.Value, row.TokensPerSecond, Text(ours, "F2"), Difference(row.TokensPerSecond, ours, "F2"));
        }
        return table;
    }

    private ReportTable BestPlacements()
    {
        int[] nodes = [2, 3, 4, 5, 6, 8];
        ReportTable table = new("Beyond the paper: Eq. 1 with the best placements (8 experts a node) and with slices, tokens/s",
            ["network", "partition", .. nodes.Select(count => $"{count} nodes")]);
        foreach (string network in new[] { "10gbe", "infiniband" })
        {
            foreach (Partition partition in Enum.GetValues<Partition>())
                table.Add([network, partition == Partition.Experts ? "best placement" : "slices", .. nodes.Select(count => Tenths(BoundOf(network, count, partition)))]);
        }
        return table;
    }

    private double BestExpectedMaxLoad(int nodes)
    {
        if (bestExpectedMaxLoads.TryGetValue(nodes, out double known))
            return known;
        RoutingDistribution routing = RoutingDistribution.Uniform(dbrx.ExpertCount, dbrx.TopK, 10_000, seed: 1);
        ExpertPlacement best = PlacementSearch.Run(routing, [.. Enumerable.Repeat(8, nodes)], seed: 1, steps: 4_000, restarts: 1);
        return bestExpectedMaxLoads[nodes] = ExpectedMaxLoad.Of(best, routing).Mean;
    }

    /// <summary>Three decimals, as Table 6 prints seconds; what would read 0.000 is "&lt;0.001".</summary>
    private static string Seconds(double seconds) => seconds < 0.0005 ? "<0.001" : Text(seconds, "F3");

    private static string Tenths(double value) => Text(value, "F1");

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Signed(double value) => value.ToString("+0.000;−0.000;0.000", CultureInfo.InvariantCulture);

    private static string Percent(double value) => value.ToString("+0.0%;−0.0%;0.0%", CultureInfo.InvariantCulture);

    private static string Difference(string printed, double ours, string format)
    {
        decimal shown = decimal.Parse(ours.ToString($"F{Decimals(printed)}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return shown == decimal.Parse(printed, CultureInfo.InvariantCulture) ? "none" : Text(ours - double.Parse(printed, CultureInfo.InvariantCulture), format);
    }

    private static int Decimals(string printed) => printed.Contains('.', StringComparison.Ordinal) ? printed.Length - printed.IndexOf('.', StringComparison.Ordinal) - 1 : 0;
}
