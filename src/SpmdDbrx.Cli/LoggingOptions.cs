using System.CommandLine;
using Serilog;
using Serilog.Events;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli;

/// <summary>What is logged, and where: standard error of every rank, and one file a rank.</summary>
internal sealed record LoggingOptions(LogEventLevel Level, string? Folder)
{
    private const string Template = "[{Rank}/{Host}] {Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, LoggingOptions> AddTo(Command command, Settings settings)
    {
        Option<string> level = settings.Option("--log-level", "warning", "least severe message on standard error: debug, information, warning or error", "LEVEL");
        level.RequireOneOf("debug", "information", "warning", "error");
        Option<string?> folder = settings.Option<string?>("--log-dir", null, "also write everything to DIR/rank-N.log", "DIR");
        command.Options.Add(level);
        command.Options.Add(folder);
        return parsed => new LoggingOptions(Enum.Parse<LogEventLevel>(parsed.GetRequiredValue(level), ignoreCase: true), parsed.GetValue(folder));
    }

    /// <summary>Starts logging on this rank.</summary>
    public void Start(Intracommunicator world)
    {
        LoggerConfiguration configuration = new LoggerConfiguration()
            .MinimumLevel.Debug()
            .Enrich.WithProperty("Rank", world.Rank)
            .Enrich.WithProperty("Host", System.Environment.MachineName)
            .WriteTo.Console(
                Level, Template, System.Globalization.CultureInfo.InvariantCulture, standardErrorFromLevel: LogEventLevel.Verbose,
                theme: Serilog.Sinks.SystemConsole.Themes.ConsoleTheme.None);
        if (Folder is not null)
        {
            // The sink only falls silent when it cannot write.
            Directory.CreateDirectory(Folder);
            configuration = configuration.WriteTo.File(
                Path.Combine(Folder, $"rank-{world.Rank}.log"), outputTemplate: Template,
                formatProvider: System.Globalization.CultureInfo.InvariantCulture);
        }
        Log.Logger = configuration.CreateLogger();
    }
}
