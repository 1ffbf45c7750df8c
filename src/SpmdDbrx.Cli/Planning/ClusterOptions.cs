using System.CommandLine;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Cli.Planning;

/// <summary>A cluster on paper: what runs, on what, how it is used.</summary>
/// <param name="Model">Sizes of the model.</param>
/// <param name="Hardware">One node.</param>
/// <param name="Network">Between nodes.</param>
/// <param name="Software">Constants of the program.</param>
/// <param name="RanksPerNode">Ranks that share a node.</param>
/// <param name="Strategy">Stacking, topology, loading.</param>
/// <param name="Weights">Bits of the weights.</param>
/// <param name="Workload">Prompt and context.</param>
internal sealed record ClusterOptions(
    ModelShape Model, Hardware Hardware, Network Network, Software Software, int RanksPerNode, Strategy Strategy, WeightFormat Weights, Workload Workload)
{
    private const string DefaultSoftware = "spmd-dbrx-cpu";

    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, ClusterOptions> AddTo(Command command, Settings settings)
    {
        Option<string> model = new("--model") { Description = "model by name, config.json or directory", HelpName = "MODEL", DefaultValueFactory = _ => "dbrx" };
        Option<string> hardware = settings.Option("--hardware", "m2-ultra-192", "one node, by name or file", "NAME");
        Option<string> network = settings.Option("--network", "10gbe", "between nodes, by name or file", "NAME");
        Option<string?> software = settings.Option<string?>("--software", null, "constants of the program, by name or file; default what suits the hardware", "NAME");
        Option<string?> measured = settings.Option<string?>("--measured", null, "file that estimate --calibrate wrote: hardware, network and program as measured", "F");
        Option<int> ranksPerNode = settings.Option("--ranks-per-node", 1, "ranks that share a node", "R");
        ranksPerNode.RequireAtLeast(1);
        Option<string> strategy = settings.Option("--strategy", "p-lr-d", "naive, p-lb or p-lr-d", "NAME");
        strategy.RequireOneOf("naive", "p-lb", "p-lr-d");
        Option<string> weights = settings.Option("--weights", "bf16", "bf16, q8, q4, or bits of experts/attention as in 4.5/16", "FORM");
        Option<int> context = settings.Option("--context", 2048, "tokens in the KV cache while generating", "N");
        context.RequireAtLeast(1);
        Option<int> promptLength = settings.Option("--prompt-length", 512, "tokens of the prompt", "N");
        promptLength.RequireAtLeast(1);
        foreach (Option option in (Option[])[model, hardware, network, software, measured, ranksPerNode, strategy, weights, context, promptLength])
            command.Options.Add(option);
        return parsed =>
        {
            string? file = parsed.GetValue(measured);
            Hardware node = Catalogue.Hardware(Given(parsed, hardware) ?? file ?? parsed.GetRequiredValue(hardware));
            return new ClusterOptions(
                Catalogue.Model(parsed.GetRequiredValue(model)),
                node,
                Catalogue.Network(Given(parsed, network) ?? (file is not null && Catalogue.Holds(file, "network") ? file : parsed.GetRequiredValue(network))),
                Catalogue.Software(parsed.GetValue(software) ?? file ?? node.Software ?? DefaultSoftware),
                parsed.GetValue(ranksPerNode),
                Strategy.Parse(parsed.GetRequiredValue(strategy)),
                WeightFormat.Parse(parsed.GetRequiredValue(weights)),
                new Workload(parsed.GetValue(promptLength), parsed.GetValue(context)));
        };
    }

    private static string? Given(ParseResult parsed, Option<string> option) => parsed.GetResult(option) is { Implicit: false } ? parsed.GetValue(option) : null;

    /// <summary>A deployment on so many nodes; partition and placement are left to be chosen.</summary>
    public Deployment On(int nodeCount) => new()
    {
        RankCount = nodeCount * RanksPerNode,
        RanksPerNode = RanksPerNode,
        Strategy = Strategy,
        Weights = Weights,
    };
}
