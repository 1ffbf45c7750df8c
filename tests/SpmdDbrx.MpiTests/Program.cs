using SpmdDbrx.Mpi;

namespace SpmdDbrx.MpiTests;

/// <summary>Runs the tests that need a real MPI: <c>mpiexec -n 4 dotnet SpmdDbrx.MpiTests.dll</c>.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (MpiLaunch.Current is not null)
            return Mpi.Environment.Run(world => arguments is [string fault] ? Fault.Commit(fault, world) : RunTests(world), Report);
        Console.Error.WriteLine("SpmdDbrx.MpiTests: start it with mpiexec");
        return 2;
    }

    private static int RunTests(Intracommunicator world)
    {
        if (world.Rank == 0)
            Console.WriteLine($"{Mpi.Environment.LibraryVersion}, {world.Size} ranks");
        Latency.Print(world);
        using CheckRunner runner = new(world);
        return runner.Run(Check.FindAll(world));
    }

    private static int Report(Exception exception)
    {
        Console.Error.WriteLine($"rank {MpiLaunch.Current!.Rank}: {exception.Message}");
        return 1;
    }
}
