namespace SpmdDbrx.Mpi;

/// <summary>Starts and ends MPI around a program, with MPI.NET's name.</summary>
/// <remarks>There is no <c>using</c> form on purpose: a Dispose that finalises MPI while an exception unwinds waits for the
/// other ranks, which wait in a collective for this one. MPI is finalised only after the program returned 0 on this rank;
/// everything else aborts the job.</remarks>
public static class Environment
{
    /// <summary>The MPI in use, in its own words; null before it runs and without mpiexec.</summary>
    public static string? LibraryVersion { get; private set; }

    /// <summary>Runs <paramref name="program"/> as one rank of the world: of the MPI job if mpiexec (or srun) started this
    /// process, else alone, for which no MPI has to be installed.</summary>
    /// <param name="program">What this rank does; returns its exit code. It must communicate from the thread it is called on.</param>
    /// <param name="onFailure">Reports an exception of the program, or an <see cref="MpiException"/> when mpiexec started this
    /// process but MPI cannot be started (no library, or one of another MPI), and returns the exit code, not 0. It runs before the job is
    /// aborted, so that the message is out before the process is.</param>
    /// <returns>The exit code of the process. Once MPI runs, a code other than 0 does not return: it aborts all ranks with it.</returns>
    public static int Run(Func<Intracommunicator, int> program, Func<Exception, int> onFailure)
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
        int exitCode = RunProgram(program, onFailure, world);
        if (exitCode != 0)
            world.Abort(exitCode);
        NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_finish(), "MPI_Finalize");
        AppDomain.CurrentDomain.ProcessExit -= abortOnExit;
        return 0;
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
    private static void AbortOnExit(NativeIntracommunicator world) =>
        world.Abort(System.Environment.ExitCode is int exitCode and not 0 ? exitCode : 1);
}
