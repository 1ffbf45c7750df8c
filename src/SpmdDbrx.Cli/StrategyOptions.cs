using System.CommandLine;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli;

/// <summary>The paper's strategies: presets over the axes stacking, topology and loading, and the partition of experts (MECHANISMS §2).</summary>
/// <param name="Name">The preset; "custom" when an axis was set by itself.</param>
/// <param name="Prestacked">Layout the model directory must have; null = as it is.</param>
/// <param name="Topology">Where attention and router run.</param>
/// <param name="FixedLoading">Which local experts run; null = what the devices need (<see cref="ModelOptions.DeviceLoading"/>).</param>
/// <param name="Partition">How experts are divided.</param>
internal sealed record StrategyOptions(string Name, bool? Prestacked, Topology Topology, Loading? FixedLoading, Partition Partition)
{
    private const string DefaultPreset = "p-lr-d";

    /// <summary>Names of the presets.</summary>
    public static string[] Presets { get; } = ["naive", "p-lb", DefaultPreset];

    /// <summary>Options that set one axis of a preset.</summary>
    public static string[] Axes { get; } = ["--stacking", "--topology", "--loading"];

    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, StrategyOptions> AddTo(Command command, Settings settings)
    {
        Option<string> strategy = settings.Option(
            "--strategy", DefaultPreset,
            "preset: naive (unstacked, centralized, on-demand), p-lb (prestacked, centralized, busy-full) or p-lr-d (prestacked, decentralized, "
            + "router-aided where idle weights lose their wiring, on-demand where they do not, as on a CPU)", "NAME");
        strategy.RequireOneOf(Presets);
        Option<string?> stacking = settings.Option<string?>("--stacking", null, "require a model directory that is unstacked or prestacked", "LAYOUT");
        stacking.RequireOneOf("unstacked", "prestacked");
        Option<string?> topology = settings.Option<string?>(
            "--topology", null, "centralized: rank 0 runs attention, two communications a layer; decentralized: every rank does, one all-reduce a layer", "SHAPE");
        topology.RequireOneOf("centralized", "decentralized");
        Option<string?> loading = settings.Option<string?>(
            "--loading", null, "local experts that run in a layer: on-demand (selected ones), busy-full (all), router-aided (as many as on the busiest rank)", "POLICY");
        loading.RequireOneOf("on-demand", "busy-full", "router-aided");
        Option<string> partition = settings.Option("--partition", "experts", "what a rank holds: whole experts, or slices of every expert", "UNIT");
        partition.RequireOneOf("experts", "slices");
        foreach (Option option in (Option[])[strategy, stacking, topology, loading, partition])
            command.Options.Add(option);
        return parsed => Read(
            parsed.GetRequiredValue(strategy), parsed.GetValue(stacking), parsed.GetValue(topology), parsed.GetValue(loading), parsed.GetRequiredValue(partition));
    }

    /// <summary>A preset by name.</summary>
    public static StrategyOptions Preset(string name) => name switch
    {
        "naive" => new(name, null, Topology.Centralized, Loading.OnDemand, Partition.Experts),
        "p-lb" => new(name, true, Topology.Centralized, Loading.BusyFull, Partition.Experts),
        // Spare experts pay only where idle weights lose their wiring.
        _ => new(name, null, Topology.Decentralized, null, Partition.Experts),
    };

    /// <summary>Engine options with this strategy.</summary>
    /// <param name="options">What else was asked for.</param>
    /// <param name="deviceLoading">What the devices need where the strategy does not say.</param>
    public EngineOptions Apply(EngineOptions options, Loading deviceLoading) =>
        options with { Prestacked = Prestacked, Topology = Topology, Loading = FixedLoading ?? deviceLoading, Partition = Partition };

    private static StrategyOptions Read(string preset, string? stacking, string? topology, string? loading, string partition)
    {
        StrategyOptions options = Preset(preset);
        options = options with { Partition = partition == "slices" ? Partition.Slices : Partition.Experts };
        if (stacking is null && topology is null && loading is null)
            return options;
        return options with
        {
            Name = "custom",
            Prestacked = stacking is null ? options.Prestacked : stacking == "prestacked",
            Topology = topology switch { null => options.Topology, "centralized" => Topology.Centralized, _ => Topology.Decentralized },
            FixedLoading = loading switch
            {
                null => options.FixedLoading,
                "busy-full" => Loading.BusyFull,
                "router-aided" => Loading.RouterAided,
                _ => Loading.OnDemand,
            },
        };
    }
}
