using System.Runtime.InteropServices;

namespace SpmdDbrx.Cli;

/// <summary>Runs a command that needs no other rank and cleans up when it is interrupted.</summary>
internal static class LocalProgram
{
    /// <summary>Runs <paramref name="body"/> in one process; under mpiexec only rank 0 does it.</summary>
    /// <param name="body">The command; stops soon after its token is cancelled.</param>
    /// <param name="stopped">What is said when a signal ends it.</param>
    /// <returns>Its exit code; 128 + the signal's number if a signal ended it.</returns>
    public static int Run(Func<CancellationToken, int> body, string stopped = "stopped; nothing was changed")
    {
        if (!LaunchedRank.IsFirst)
            return ExitCode.Done;
        using CancellationTokenSource stop = new();
        int signalCode = ExitCode.Failed;
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        return Failure.Guard(() =>
        {
            try
            {
                return body(stop.Token);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                Console.Error.WriteLine($"spmd-dbrx: {stopped}");
                return signalCode;
            }
        });

        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            signalCode = 128 + (context.Signal == PosixSignal.SIGTERM ? 15 : 2);
            stop.Cancel();
        }
    }
}
