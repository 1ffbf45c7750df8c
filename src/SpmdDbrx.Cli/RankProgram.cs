using System.Runtime.InteropServices;
using Serilog;
using SpmdDbrx.Cli.Choosing;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli;

/// <summary>Runs a command as one rank of the job: MPI around it, a device and a session in it, one line and an exit code for what goes wrong.</summary>
internal static class RankProgram
{
    /// <summary>Opens the model on every rank and runs <paramref name="body"/>.</summary>
    /// <param name="options">Model, device and strategy.</param>
    /// <param name="body">What every rank does with its session, the options as chosen, and the seconds this took; returns its exit code.</param>
    public static int Run(ModelOptions options, Func<RankSession, ModelOptions, double, int> body) => Run(options.Logging, options.HeartbeatSeconds, world =>
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        using IDevice device = options.Device.Create(world);
        ModelDirectory model = RankSession.OpenModel(world, options.ModelPath);
        ModelOptions chosen = DeploymentChooser.Choose(world, device, model, options.On(world, device));
        using RankSession session = Open(world, device, model, chosen.Engine);
        Log.Information("{Device}: holds {Bytes:N0} bytes of weights", device.Description, session.WeightBytes);
        bool isFirstOfTeam = session.Sharing.GroupOfRank[session.World.Rank] == session.World.Rank;
        if (isFirstOfTeam && session.TeamObstacle is { } obstacle)
            Log.Warning("ranks of this host do not work on a token together, but run whole experts each: {Obstacle}", obstacle);
        world.Barrier();
        return body(session, chosen, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
    });

    /// <summary>Opens a session on all ranks; rank 0 shows how far it has read where it reads ahead.</summary>
    public static RankSession Open(Intracommunicator world, IDevice device, ModelDirectory model, EngineOptions options)
    {
        using ByteProgressLine progress = new("reading weights into memory");
        return RankSession.Open(world, device, model, options, world.Rank == 0 ? progress : null);
    }

    // mpiexec passes it on to all ranks at once; with SIGTERM they wait a second in Open MPI's queue of signals.
    private static readonly PosixSignal UserSignal = (PosixSignal)(OperatingSystem.IsMacOS() ? 30 : 10);

    /// <summary>Runs <paramref name="body"/> on every rank without a model.</summary>
    public static int Run(LoggingOptions logging, double heartbeatSeconds, Func<Intracommunicator, int> body)
    {
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration stop = PosixSignalRegistration.Create(UserSignal, End);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        int exitCode = SpmdDbrx.Mpi.Environment.Run(
            world =>
            {
                logging.Start(world);
                return body(world);
            },
            Failure.Report,
            new HeartbeatOptions(TimeSpan.FromSeconds(heartbeatSeconds), message => Log.Warning("{Message}", message)));
        Log.CloseAndFlush();
        return exitCode;
    }

    private static void End(PosixSignalContext context)
    {
        context.Cancel = true;
        int exitCode = 128 + (context.Signal == PosixSignal.SIGINT ? 2 : 15);
        Log.Information("stopped by {Signal}", context.Signal);
        if (SpmdDbrx.Mpi.Environment.AnnounceStop() is { } lost)
            exitCode = Failure.Report(lost);
        Log.CloseAndFlush();
        System.Environment.Exit(exitCode);
    }
}
