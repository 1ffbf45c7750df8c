using System.CommandLine;
using SpmdDbrx.Cli.Sweeps;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>bench sweep</c>: a matrix of benchmarks with a report.</summary>
internal static class SweepCommand
{
    public static Command Create()
    {
        Command command = new(
            "sweep",
            "Measures a matrix of nodes × systems × networks × prompt lengths, each cell a job of bench, and writes tables and plots. "
            + "Started again it goes on where it was interrupted; cells that failed are tried again.");
        Argument<string> file = new("FILE") { Description = "description of the matrix, as in bench/sweeps" };
        Option<string?> output = new("--out") { Description = "folder of results; default build/sweeps/NAME in the sweep's folder", HelpName = "DIR" };
        Option<string?> work = new("--work") { Description = "folder of made models; default what the file says", HelpName = "DIR" };
        Option<bool> report = new("--report") { Description = "measure nothing: write the report of the results that are there, of whatever commit" };
        command.Arguments.Add(file);
        foreach (Option option in (Option[])[output, work, report])
            command.Options.Add(option);
        command.SetAction(parsed => LocalProgram.Run(
            cancellation =>
            {
                string path = parsed.GetRequiredValue(file);
                Sweep sweep = SweepFile.Read(path, parsed.GetValue(work));
                string folder = parsed.GetValue(output) ?? Path.Combine(sweep.Folder, "build", "sweeps", Path.GetFileNameWithoutExtension(path));
                SweepRun run = new(sweep, folder);
                return parsed.GetValue(report) ? run.Report(commit: null) : run.Measure(cancellation);
            },
            "stopped; start it again and it goes on with the cells that are missing"));
        return command;
    }
}
