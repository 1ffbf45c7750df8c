using System.CommandLine;
using SpmdDbrx.Cli.Planning;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>simulate</c>: the discrete-event simulator.</summary>
internal static class SimulateCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new(
            "simulate",
            "Simulates decoding event by event, for what the formulas of estimate cannot show: jitter, stragglers, unequal nodes, memory that gets unwired. "
            + "--scaling puts one model on up to a thousand ranks and shows where one all-reduce a layer stops paying.");
        Option<string> nodes = new("--nodes") { Description = "numbers of nodes; default 2,3,4,6,8, or powers of two to 1024 with --scaling", HelpName = "N,N…" };
        Option<int> tokens = settings.Option("--tokens", 20, "tokens to generate, where no trace is given", "T");
        tokens.RequireAtLeast(1);
        Option<string?> trace = settings.Option<string?>("--trace", null, "routing trace recorded by generate --trace; default: uniform routing", "F");
        Option<string> partition = settings.Option("--partition", "experts", "what a rank holds: whole experts, or slices of every expert", "UNIT");
        partition.RequireOneOf("experts", "slices");
        Option<string?> placement = settings.Option<string?>("--placement", null, "placement written by plan; default contiguous", "F");
        Option<string?> stacking = settings.Option<string?>("--stacking", null, "unstacked or prestacked; default what the strategy says", "LAYOUT");
        stacking.RequireOneOf("unstacked", "prestacked");
        Option<string?> loading = settings.Option<string?>("--loading", null, "on-demand, busy-full or router-aided; default what the strategy says", "POLICY");
        loading.RequireOneOf("on-demand", "busy-full", "router-aided");
        Option<string?> each = settings.Option<string?>("--hardware-of-each", null, "one hardware name per node, separated by commas", "NAME,…");
        Option<double> jitter = settings.Option("--jitter", 0.0, "mean delay of a computation as a share of it, exponentially distributed", "SHARE");
        jitter.RequireWithin(0, 100);
        Option<double> latencyJitter = settings.Option("--latency-jitter", 0.0, "mean delay of a message beyond the latency, exponentially distributed, µs", "US");
        latencyJitter.RequireWithin(0, 1e7);
        Option<string[]> straggler = new("--straggler") { Description = "a rank that is slower by a factor: RANK:FACTOR; may be repeated", HelpName = "R:F" };
        Option<int> seed = settings.Option("--seed", 1, "of routing and jitter", "S");
        Option<bool> scaling = settings.Option("--scaling", false, "slices on 1 to 1024 ranks: where one all-reduce a layer stops paying, and what replaces it");
        Option<string?> svg = settings.Option<string?>("--svg", null, "with --scaling: write a plot", "F");
        Option<string> format = ReportFormat.Option(settings);
        Func<ParseResult, ClusterOptions> cluster = ClusterOptions.AddTo(command, settings);
        foreach (Option option in (Option[])[nodes, tokens, trace, partition, placement, stacking, loading, each, jitter, latencyJitter, straggler, seed, scaling, svg, format])
            command.Options.Add(option);
        command.SetAction(parsed => Failure.Guard(() => new SimulateRun(cluster(parsed))
        {
            Nodes = parsed.GetValue(nodes) is { } given ? NumberList.Parse(nodes, given) : null,
            Tokens = parsed.GetValue(tokens),
            TraceFile = parsed.GetValue(trace),
            UsesSlices = parsed.GetValue(partition) == "slices",
            PlacementFile = parsed.GetValue(placement),
            Stacking = parsed.GetValue(stacking),
            Loading = parsed.GetValue(loading),
            HardwareOfEach = parsed.GetValue(each)?.Split(','),
            ComputeJitter = parsed.GetValue(jitter),
            LatencyJitterSeconds = parsed.GetValue(latencyJitter) * 1e-6,
            Stragglers = SimulateRun.ParseStragglers(parsed.GetValue(straggler) ?? []),
            Seed = parsed.GetValue(seed),
            IsScaling = parsed.GetValue(scaling),
            PlotFile = parsed.GetValue(svg),
            Format = parsed.GetRequiredValue(format),
        }.Execute()));
        return command;
    }
}
