using System.CommandLine;
using SpmdDbrx.Cli.Commands;

namespace SpmdDbrx.Cli;

/// <summary>The executable spmd-dbrx: parses the command line and runs one command.</summary>
public static class Program
{
    public static int Main(string[] arguments)
    {
        LaunchedRank.QuietConsole();
        // Prompts may begin with "@" or "-": no response files, no bundled short options.
        ParserConfiguration configuration = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };
        ParseResult parsed;
        try
        {
            Settings settings = Settings.Load();
            RootCommand root = CreateRootCommand(settings);
            settings.RequireKnown(root);
            IReadOnlyList<string> configured = settings.MissingArguments(root.Parse(arguments, configuration));
            parsed = root.Parse([.. arguments, .. configured], configuration);
            if (parsed.Errors.Count > 0)
                return Failure.ReportUsage(parsed, configured);
        }
        catch (UsageException exception)
        {
            return Failure.ReportUsage(exception.Message);
        }
        return parsed.Invoke(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = LaunchedRank.IsFirst ? Console.Out : TextWriter.Null,
        });
    }

    private static RootCommand CreateRootCommand(Settings settings)
    {
        RootCommand root = new(
            "Runs large mixture-of-experts language models on a few machines: one process a machine under mpiexec, "
            + "the experts spread over the ranks, one all-reduce per layer.");
        root.Directives.Clear();
        root.Add(PrestackCommand.Create(settings));
        root.Add(VerifyCommand.Create(settings));
        root.Add(InspectCommand.Create(settings));
        root.Add(GenerateCommand.Create(settings));
        root.Add(ChatCommand.Create(settings));
        root.Add(PerplexityCommand.Create(settings));
        root.Add(DoctorCommand.Create(settings));
        root.Add(BenchCommand.Create(settings));
        root.Add(ProbeCommand.Create(settings));
        root.Add(MakeModelCommand.Create(settings));
        root.Add(PlanCommand.Create(settings));
        root.Add(EstimateCommand.Create(settings));
        root.Add(SimulateCommand.Create(settings));
        return root;
    }
}
