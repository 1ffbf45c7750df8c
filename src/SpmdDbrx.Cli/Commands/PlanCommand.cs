using System.CommandLine;
using SpmdDbrx.Cli.Planning;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>plan</c>: which nodes should hold which experts.</summary>
internal static class PlanCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new(
            "plan",
            "Places experts on nodes: searches the placement whose busiest node runs the fewest selected experts per layer, and compares it with simpler ones.");
        Option<int> nodes = new("--nodes") { Description = "nodes (ranks)", HelpName = "N", Required = true };
        nodes.RequireAtLeast(1);
        Option<string> slots = new("--experts-per-node") { Description = "experts that a node has memory for: one number, or one per node as in 8,8,4", HelpName = "K", Required = true };
        Option<string> model = new("--model")
        {
            Description = "model by name, config.json or directory; gives the number of experts and top-k",
            HelpName = "MODEL",
            DefaultValueFactory = _ => "dbrx",
        };
        Option<string?> trace = settings.Option<string?>("--trace", null, "routing trace recorded by generate --trace; default: every selection equally likely", "F");
        Option<string> kind = settings.Option("--kind", "best", "placement to write: best, ring or contiguous", "KIND");
        kind.RequireOneOf("best", "ring", "contiguous");
        Option<string?> output = settings.Option<string?>("--out", null, "write the placement for generate --placement", "F");
        Option<int> seed = settings.Option("--seed", 1, "of the search; the same seed gives the same placement", "S");
        Option<string> format = ReportFormat.Option(settings);
        foreach (Option option in (Option[])[nodes, slots, model, trace, kind, output, seed, format])
            command.Options.Add(option);
        command.SetAction(parsed => Failure.Guard(() => new PlanRun
        {
            Nodes = parsed.GetValue(nodes),
            ExpertsPerNode = NumberList.Parse(slots, parsed.GetRequiredValue(slots)),
            Model = parsed.GetRequiredValue(model),
            TraceFile = parsed.GetValue(trace),
            Kind = parsed.GetRequiredValue(kind),
            OutputFile = parsed.GetValue(output),
            Seed = parsed.GetValue(seed),
            Format = parsed.GetRequiredValue(format),
        }.Execute()));
        return command;
    }
}
