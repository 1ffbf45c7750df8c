using System.CommandLine;
using SpmdDbrx.Cli.Planning;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>estimate</c>: the performance model.</summary>
internal static class EstimateCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new(
            "estimate",
            "Predicts speed, memory and cost of a cluster for every way to spread the experts. Hardware, network, model and program are names "
            + "that --list shows, or JSON files of the same form. --paper holds the model against the paper's tables, cell by cell.");
        Option<string> nodes = new("--nodes") { Description = "numbers of nodes", HelpName = "N,N…", DefaultValueFactory = _ => "1,2,3,4,6,8" };
        Option<int?> expertsPerNode = settings.Option<int?>("--experts-per-node", null, "most experts a node may hold; default as many as fit", "K");
        expertsPerNode.RequireAtLeast(1);
        Option<string?> trace = settings.Option<string?>("--trace", null, "routing trace recorded by generate --trace; default: every selection equally likely", "F");
        Option<bool> explain = settings.Option("--explain", false, "also print every term with its formula, and the source of every figure");
        Option<bool> paper = settings.Option("--paper", false, "print the paper's Tables 3 to 6 and Figure 8 beside this model, cell by cell");
        Option<bool> list = settings.Option("--list", false, "print the known hardware, networks, models and programs");
        Option<string?> calibrate = settings.Option<string?>("--calibrate", null, "measure this machine (under mpiexec: all ranks and their network) and write the result for --measured", "F");
        Option<string?> svg = settings.Option<string?>("--svg", null, "write a plot of tokens/s against nodes", "F");
        Option<string> format = ReportFormat.Option(settings);
        Func<ParseResult, ClusterOptions> cluster = ClusterOptions.AddTo(command, settings);
        Func<ParseResult, DeviceOptions> device = DeviceOptions.AddTo(command, settings);
        Func<ParseResult, LoggingOptions> logging = LoggingOptions.AddTo(command, settings);
        foreach (Option option in (Option[])[nodes, expertsPerNode, trace, explain, paper, list, calibrate, svg, format])
            command.Options.Add(option);
        command.SetAction(parsed => Failure.Guard(() =>
        {
            string form = parsed.GetRequiredValue(format);
            if (parsed.GetValue(calibrate) is { } file)
                return Failure.GuardRanks(() => CalibrateRun.Execute(file, device(parsed), logging(parsed), form));
            if (!LaunchedRank.IsFirst)
                return ExitCode.Done;
            if (parsed.GetValue(paper))
                return EstimateRun.PrintPaper(form);
            if (parsed.GetValue(list))
                return EstimateRun.PrintKnown(form);
            return new EstimateRun(cluster(parsed))
            {
                Nodes = NumberList.Parse(nodes, parsed.GetRequiredValue(nodes)),
                ExpertsPerNode = parsed.GetValue(expertsPerNode),
                TraceFile = parsed.GetValue(trace),
                Explains = parsed.GetValue(explain),
                PlotFile = parsed.GetValue(svg),
                Format = form,
            }.Execute();
        }));
        return command;
    }
}
