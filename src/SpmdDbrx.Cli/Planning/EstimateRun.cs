using System.Globalization;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Reports;
using SpmdDbrx.Engine.Placement;

namespace SpmdDbrx.Cli.Planning;

/// <summary>One run of <c>estimate</c>.</summary>
internal sealed class EstimateRun(ClusterOptions cluster)
{
    public required int[] Nodes { get; init; }
    public required int? ExpertsPerNode { get; init; }
    public required string? TraceFile { get; init; }
    public required bool Explains { get; init; }
    public required string? PlotFile { get; init; }
    public required string Format { get; init; }

    /// <summary>The paper beside the model.</summary>
    public static int PrintPaper(string format)
    {
        ReportFormat.Print(format, [.. new PaperComparison().Tables()]);
        return ExitCode.Done;
    }

    /// <summary>What the repository knows.</summary>
    public static int PrintKnown(string format)
    {
        ReportTable table = new($"Known by name; the files lie in {Catalogue.Folder}", "option", "name", "what");
        foreach (Hardware hardware in Catalogue.Names("hardware").Select(Catalogue.Hardware))
            table.Add("--hardware", hardware.Name, hardware.Title);
        foreach (Network network in Catalogue.Names("networks").Select(Catalogue.Network))
            table.Add("--network", network.Name, network.Title);
        foreach (ModelShape model in Catalogue.Names("models").Select(Catalogue.Model))
            table.Add("--model", model.Name, model.Title);
        foreach (Software software in Catalogue.Names("software").Select(Catalogue.Software))
            table.Add("--software", software.Name, software.Title);
        ReportFormat.Print(format, [("known", table)]);
        return ExitCode.Done;
    }

    public int Execute()
    {
        EstimateReport report = new(cluster.Model, cluster.Hardware, cluster.Network, cluster.Software);
        RoutingDistribution? routing = TraceFile is null ? null : RoutingDistribution.FromTrace(RoutingTrace.Load(TraceFile));
        List<Alternative> all = [];
        foreach (int count in Nodes)
        {
            IReadOnlyList<Alternative> alternatives = Alternative.For(
                cluster.Model, cluster.Hardware, cluster.Network, cluster.Software, cluster.On(count) with { Routing = routing }, cluster.Workload, ExpertsPerNode);
            report.Add(alternatives);
            all.AddRange(alternatives);
        }
        RequireOneThatFits(all);
        List<(string, ReportTable)> tables = [("predictions", report.Summary())];
        if (Explains || Format == "json")
            tables.AddRange([("terms", report.Terms()), ("sources", report.Sources())]);
        ReportFormat.Print(Format, tables);
        if (Format == "table")
            Console.Out.WriteLine(Verdict(all));
        if (PlotFile is not null)
            File.WriteAllText(PlotFile, report.Plot().ToSvg());
        return ExitCode.Done;
    }

    private void RequireOneThatFits(List<Alternative> alternatives)
    {
        if (Alternative.Best(alternatives) is null)
            PerformanceModel.RequireFit(alternatives.MinBy(alternative => alternative.Prediction.MemoryBytesPerNode)!.Prediction, cluster.Model, cluster.Hardware);
    }

    private static string Verdict(List<Alternative> alternatives)
    {
        Alternative best = Alternative.Best(alternatives)!;
        return string.Create(CultureInfo.InvariantCulture,
            $"fastest that fits: {best.Prediction.Deployment.NodeCount} nodes, {best.Name}: {best.Prediction.TokensPerSecond:F1} tok/s");
    }
}
