using SpmdDbrx.Mpi.Heartbeats;

namespace SpmdDbrx.Mpi;

/// <summary>Starts and ends MPI around a program, with MPI.NET's name.</summary>
/// <remarks>There is no <c>using</c> form on purpose: a Dispose that finalises MPI while an exception unwinds waits for the
/// other ranks, which wait in a collective for this one. MPI is finalised only after the program returned 0 on this rank;
/// everything else aborts the job.</remarks>
public static class Environment
{
    private const int SecondsToReport = 2;

    private static volatile Heartbeat? heartbeat;
    private static volatile bool launcherStopsAll;

    /// <summary>The MPI in use, in its own words; null before it runs and without mpiexec.</summary>
    public static string? LibraryVersion { get; private set; }

    /// <summary>The MPI that ranks of this machine will use, in its own words; mpiexec is not needed.</summary>
    /// <exception cref="MpiException">There is none.</exception>
    public static string FindLibrary()
    {
        if (LibraryVersion is { } running)
            return running;
        using FaultSignals runtimeHandlers = new();
        MpiLibrary.Load();
        return NativeMpi.LibraryVersion();
    }

    /// <summary>Runs <paramref name="program"/> as one rank of the world: of the MPI job if mpiexec (or srun) started this
    /// process, else alone, for which no MPI has to be installed.</summary>
    /// <param name="program">What this rank does; returns its exit code. It must communicate from the thread it is called on.</param>
    /// <param name="onFailure">Reports an exception of the program, or an <see cref="MpiException"/> when mpiexec started this
    /// process but MPI cannot be started (no library, or one of another MPI), and returns the exit code, not 0. It runs before the job is
    /// aborted, so that the message is out before the process is.</param>
    /// <param name="heartbeatOptions">How ranks watch each other; a lost one comes to <paramref name="onFailure"/> as a
    /// <see cref="PeerLostException"/>, on a thread of its own. null = they do not.</param>
    /// <returns>The exit code of the process. Once MPI runs, a code other than 0 does not return: it aborts all ranks with it.</returns>
    public static int Run(Func<Intracommunicator, int> program, Func<Exception, int> onFailure, HeartbeatOptions? heartbeatOptions = null)
    {
        if (MpiLaunch.Current is not { } launch)
        {
            using SingleRankCommunicator alone = new();
            return RunProgram(program, onFailure, alone);
        }
        NativeIntracommunicator world;
        try
        {
            world = Start(launch);
        }
        catch (MpiException exception)
        {
            return Report(exception, onFailure);
        }
        EventHandler abortOnExit = (_, _) => AbortOnExit(world);
        AppDomain.CurrentDomain.ProcessExit += abortOnExit;
        heartbeat = Heartbeat.Start(world, heartbeatOptions, (lost, isMineToReport) => Abandon(world, lost, isMineToReport ? onFailure : null));
        int exitCode = RunProgram(program, onFailure, world);
        if (exitCode != 0)
            world.Abort(exitCode);
        world.Activity.Begin("finishing");
        NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_finish(), "MPI_Finalize");
        using (Heartbeat? finished = heartbeat)
        {
            heartbeat = null;
            finished?.Leave(PeerState.Done);
        }
        AppDomain.CurrentDomain.ProcessExit -= abortOnExit;
        return 0;
    }

    /// <summary>Tells the other ranks that the launcher or the user stops this one, and finds out why: a launcher stops all ranks when
    /// one has died, and does not always say which. Takes less than a second; call it before exiting on SIGTERM.</summary>
    /// <returns>What this rank is to report about ranks that died before; null if nothing.</returns>
    public static PeerLostException? AnnounceStop()
    {
        if (heartbeat is not { } watching)
            return null;
        PeerLostException? lost = watching.LeaveAndFindLost();
        launcherStopsAll = lost is not null || watching.OthersStop;
        return lost;
    }

    /// <summary>Tells the other ranks that this one ends the job and says why.</summary>
    internal static void AnnounceFailure() => heartbeat?.Leave(PeerState.Failed);

    /// <summary>Ends a job that has lost a rank. The rank that reports it aborts the job; the others just go.</summary>
    private static void Abandon(NativeIntracommunicator world, PeerLostException lost, Func<Exception, int>? onFailure)
    {
        // Before the report, which may itself get stuck behind whatever the main thread holds.
        NativeMpi.spmd_mpi_exit_within(SecondsToReport, PeerLostException.ExitCode);
        NativeMpi.spmd_mpi_end_stuck_launcher();
        if (onFailure is not null)
            world.Abort(Report(lost, onFailure));
        NativeMpi.spmd_mpi_exit(PeerLostException.ExitCode);
    }

    private static NativeIntracommunicator Start(MpiLaunch launch)
    {
        NativeIntracommunicator world = LoadAndInitialise();
        LibraryVersion = NativeMpi.LibraryVersion();
        // The classic trap: every process of another MPI's mpiexec believes to be a world of one.
        if (launch.Size is int size && size != world.Size)
            throw new MpiException($"{launch.Launcher}: the launcher started {size} ranks but {LibraryVersion} sees {world.Size}; mpiexec and the library are of different MPIs, so set MPIEXEC and MPICC to the same one");
        return world;
    }

    private static NativeIntracommunicator LoadAndInitialise()
    {
        using FaultSignals runtimeHandlers = new();
        MpiLibrary.Load();
        return NativeIntracommunicator.StartWorld();
    }

    private static int RunProgram(Func<Intracommunicator, int> program, Func<Exception, int> onFailure, Intracommunicator world)
    {
        try
        {
            return program(world);
        }
#pragma warning disable CA1031 // whatever the program throws must end the job, not unwind past MPI
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Report(exception, onFailure);
        }
    }

    private static int Report(Exception exception, Func<Exception, int> onFailure) =>
        onFailure(exception) is int exitCode and not 0 ? exitCode : 1;

    // Exit() anywhere in the program would leave the others waiting for this rank.
    private static void AbortOnExit(NativeIntracommunicator world)
    {
        int exitCode = System.Environment.ExitCode is int code and not 0 ? code : 1;
        // A launcher on its way out no longer answers MPI_Abort.
        if (launcherStopsAll)
            NativeMpi.spmd_mpi_exit(exitCode);
        world.Abort(exitCode);
    }
}
