using System.Globalization;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Reports;
using SpmdDbrx.Engine.Performance.Simulation;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Planning;

/// <summary>One run of <c>simulate</c>.</summary>
internal sealed class SimulateRun(ClusterOptions cluster)
{
    private static readonly int[] DefaultNodes = [2, 3, 4, 6, 8];
    private static readonly int[] ScalingNodes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
    private const int ScalingTokens = 3;

    public required int[]? Nodes { get; init; }
    public required int Tokens { get; init; }
    public required string? TraceFile { get; init; }
    public required bool UsesSlices { get; init; }
    public required string? PlacementFile { get; init; }
    public required string? Stacking { get; init; }
    public required string? Loading { get; init; }
    public required string[]? HardwareOfEach { get; init; }
    public required double ComputeJitter { get; init; }
    public required double LatencyJitterSeconds { get; init; }
    public required IReadOnlyDictionary<int, double> Stragglers { get; init; }
    public required int Seed { get; init; }
    public required bool IsScaling { get; init; }
    public required string? PlotFile { get; init; }
    public required string Format { get; init; }

    /// <summary>Reads "3:1.5" texts.</summary>
    public static IReadOnlyDictionary<int, double> ParseStragglers(string[] texts)
    {
        Dictionary<int, double> stragglers = [];
        foreach (string text in texts)
        {
            string[] parts = text.Split(':');
            if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int rank)
                || !double.TryParse(parts[1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double factor) || factor < 1)
                throw new UsageException($"--straggler: expected RANK:FACTOR with a factor of at least 1, found {text}");
            stragglers[rank] = factor;
        }
        return stragglers;
    }

    public int Execute()
    {
        if (!LaunchedRank.IsFirst)
            return ExitCode.Done;
        return IsScaling ? PrintScaling() : PrintRuns();
    }

    private int PrintScaling()
    {
        SimulationScenario scenario = Scenario(1, Trace(ScalingTokens)) with { Hardware = [cluster.Hardware] };
        ScalingStudy study = ScalingStudy.Run(scenario, Nodes ?? ScalingNodes);
        ReportFormat.Print(Format, [("scaling", study.Table())]);
        if (Format == "table")
        {
            foreach (string sentence in study.Verdict())
                Console.Out.WriteLine(sentence);
        }
        if (PlotFile is not null)
            File.WriteAllText(PlotFile, study.Plot().ToSvg());
        return ExitCode.Done;
    }

    private int PrintRuns()
    {
        RoutingTrace trace = Trace(Tokens);
        RoutingDistribution routing = RoutingDistribution.FromTrace(trace);
        ReportTable table = new(
            $"{cluster.Model.Title} on {cluster.Hardware.Title}, {cluster.Network.Title}, {cluster.Software.Title}: {trace.TokenCount} tokens simulated",
            "nodes", "tok/s", "formula tok/s", "ms/token", "ms, 99 %", "compute ms", "all-reduce ms", "experts/layer", "arrays wired again");
        foreach (int count in Nodes ?? DefaultNodes)
        {
            SimulationScenario scenario = Scenario(count, trace);
            SimulationResult result = ClusterSimulation.Run(scenario);
            Prediction formula = PerformanceModel.Predict(
                cluster.Model, cluster.Hardware, cluster.Network, cluster.Software, scenario.Deployment with { Routing = routing }, cluster.Workload);
            table.Add(count, Text(result.TokensPerSecond, "F2"), Text(formula.TokensPerSecond, "F2"), Text(1e3 * result.SecondsPerToken, "F2"),
                Text(1e3 * result.Quantile(0.99), "F2"), Text(1e3 * result.ComputeSecondsPerToken, "F2"), Text(1e3 * result.CommunicationSecondsPerToken, "F2"),
                Text(result.ExpertsPerLayer, "F3"), result.Rewirings);
        }
        ReportFormat.Print(Format, [("simulation", table)]);
        return ExitCode.Done;
    }

    private RoutingTrace Trace(int tokens) => TraceFile is not null
        ? RoutingTrace.Load(TraceFile)
        : RoutingTrace.Synthetic(tokens, cluster.Model.LayerCount, cluster.Model.ExpertCount, cluster.Model.TopK, Seed);

    private SimulationScenario Scenario(int nodeCount, RoutingTrace trace) => new()
    {
        Model = cluster.Model,
        Hardware = HardwareOfEach is null ? [cluster.Hardware] : [.. HardwareOfEach.Select(Catalogue.Hardware)],
        Network = cluster.Network,
        Software = cluster.Software,
        Deployment = cluster.On(nodeCount) with
        {
            Partition = UsesSlices ? Partition.Slices : Partition.Experts,
            Placement = PlacementFile is null ? null : ExpertPlacementFile.Load(PlacementFile, cluster.Model.ExpertCount, nodeCount * cluster.RanksPerNode),
            Strategy = ChosenStrategy(),
        },
        Trace = trace,
        ContextTokens = cluster.Workload.ContextTokens,
        ComputeJitter = ComputeJitter,
        LatencyJitterSeconds = LatencyJitterSeconds,
        Stragglers = Stragglers,
        Seed = Seed,
    };

    private Strategy ChosenStrategy() => cluster.Strategy with
    {
        Stacking = Stacking switch
        {
            null => cluster.Strategy.Stacking,
            "unstacked" => Engine.Performance.Stacking.Unstacked,
            _ => Engine.Performance.Stacking.Prestacked,
        },
        Loading = Loading switch
        {
            null => cluster.Strategy.Loading,
            "on-demand" => Engine.Session.Loading.OnDemand,
            "busy-full" => Engine.Session.Loading.BusyFull,
            _ => Engine.Session.Loading.RouterAided,
        },
    };

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
