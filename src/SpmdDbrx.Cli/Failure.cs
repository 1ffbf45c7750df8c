using System.CommandLine;
using System.CommandLine.Parsing;
using Serilog;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Chat;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli;

/// <summary>Turns failures into one line on standard error and an exit code; the stack trace goes to the log.</summary>
internal static class Failure
{
    private const int PeerGraceMilliseconds = 2000;
    private const int FirstRankGraceMilliseconds = 300;
    private const int JoinMilliseconds = 8000;

    /// <summary>Runs a command of all ranks. A usage error that is found before MPI starts is said once and ends the job.</summary>
    public static int GuardRanks(Func<int> command) => Guard(() =>
    {
        try
        {
            return command();
        }
        catch (UsageException exception)
        {
            return ReportUsage(exception.Message);
        }
    });

    /// <summary>Runs a command that needs no other rank.</summary>
    public static int Guard(Func<int> command)
    {
        try
        {
            return command();
        }
        catch (Exception exception)
        {
            return Report(exception);
        }
    }

    /// <summary>Prints what went wrong and returns the exit code for it.</summary>
    public static int Report(Exception exception)
    {
        if (exception is PeerFailedException || (exception is RankDisagreementException && !LaunchedRank.IsFirst))
        {
            // Another rank reports it and ends the job with its own exit code.
            Thread.Sleep(PeerGraceMilliseconds);
        }
        else
        {
            // What fails on all ranks alike is said once: rank 0 speaks and ends the job while the others still wait.
            if (!LaunchedRank.IsFirst && exception is not PeerLostException)
                Thread.Sleep(FirstRankGraceMilliseconds);
            Print(Describe(exception));
        }
        Log.Debug(exception, "failed");
        return exception switch
        {
            UsageException => ExitCode.Usage,
            PeerLostException => ExitCode.PeerLost,
            _ => ExitCode.Failed,
        };
    }

    /// <summary>Prints one thing wrong with the command line and returns exit code 2.</summary>
    /// <param name="parsed">The command line, settings included.</param>
    /// <param name="configured">Arguments that come from settings.</param>
    public static int ReportUsage(ParseResult parsed, IReadOnlyList<string> configured)
    {
        bool isRoot = parsed.CommandResult.Command is RootCommand;
        // A misspelt command is also a missing one, which says less.
        string message = isRoot && parsed.UnmatchedTokens is [string unknown, ..] ? $"unknown command '{unknown}'" : parsed.Errors[0].Message.TrimEnd('.');
        string settings = configured.Count == 0 ? "" : $" (from settings: {string.Join(' ', configured)})";
        return ReportUsage($"{message}{settings}; see spmd-dbrx{Words(parsed.CommandResult)} --help");
    }

    /// <summary>Says what is wrong with the command line or the settings, ends the job and returns exit code 2.</summary>
    /// <remarks>Ranks that wait in MPI_Init would not notice that this one has gone, so it joins them first. What is wrong on all ranks
    /// is said once: rank 0 speaks and ends the job; a rank that is still there afterwards speaks for itself.</remarks>
    public static int ReportUsage(string message)
    {
        if (LaunchedRank.IsFirst)
            Print(message);
        if (LaunchedRank.IsAlone)
            return ExitCode.Usage;
        using Timer unjoined = new(_ => System.Environment.Exit(SpeakUnlessFirst()), null, JoinMilliseconds, Timeout.Infinite);
        return SpmdDbrx.Mpi.Environment.Run(_ => SpeakUnlessFirst(), _ => SpeakUnlessFirst());

        int SpeakUnlessFirst()
        {
            if (!LaunchedRank.IsFirst)
            {
                Thread.Sleep(FirstRankGraceMilliseconds);
                Print(message);
            }
            return ExitCode.Usage;
        }
    }

    /// <summary>One line: the message alone where it was written for the user, with the exception's type where it was not.</summary>
    public static string Describe(Exception exception)
    {
        string message = exception is UsageException or InvalidModelException or EngineException or InvalidInputException or MpiException or PeerLostException
            or ChatTemplateException or MetalException or IOException or InvalidDataException or UnauthorizedAccessException or InsufficientMemoryException
            ? exception.Message
            : $"{exception.GetType().Name}: {exception.Message}";
        return message.ReplaceLineEndings(" ");
    }

    /// <summary>The command as it is called, a space before each word; nothing for the program alone.</summary>
    private static string Words(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{Words(parent)} {command.Command.Name}" : "";

    private static void Print(string message) => Console.Error.WriteLine($"{LaunchedRank.Prefix}spmd-dbrx: {message}");
}
