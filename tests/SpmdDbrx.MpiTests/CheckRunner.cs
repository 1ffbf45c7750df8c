using System.Text;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.MpiTests;

/// <summary>Runs every check on all ranks, agrees on its outcome and lets rank 0 print it.</summary>
/// <remarks>xunit's runner cannot do this: all ranks must run the same test at the same time, and a rank that fails alone may
/// leave the others in a collective. So outcomes travel on a communicator of their own, and a check that does not end on all
/// ranks in time ends the job.</remarks>
internal sealed class CheckRunner : IDisposable
{
    private const int MessageBytes = 600;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Intracommunicator world;
    private readonly Intracommunicator outcomes;
    private readonly Timer watchdog;
    private int passed;
    private int failed;
    private string running = "";

    public CheckRunner(Intracommunicator world)
    {
        this.world = world;
        outcomes = world.Split(0, world.Rank);
        watchdog = new Timer(_ => AbortHangingCheck());
    }

    /// <summary>Runs the checks and returns the exit code: 0 if all passed on all ranks.</summary>
    public int Run(IReadOnlyList<Check> checks)
    {
        foreach (Check check in checks)
            RunOne(check);
        PrintSummary();
        return failed == 0 ? 0 : 1;
    }

    public void Dispose()
    {
        watchdog.Dispose();
        outcomes.Dispose();
    }

    private void RunOne(Check check)
    {
        running = check.Name;
        watchdog.Change(Deadline, Timeout.InfiniteTimeSpan);
        string failure = "";
        try
        {
            check.Run();
        }
#pragma warning disable CA1031 // any exception is a failed check
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = $"{exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" ")}";
            // At once, since the others may be stuck in the check, and then the exchange never ends.
            Console.Error.WriteLine($"{check.Name}: rank {world.Rank}: {failure}");
        }
        IReadOnlyList<string> failures = Exchange(failure);
        watchdog.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Record(check.Name, failures);
    }

    private void Record(string name, IReadOnlyList<string> failures)
    {
        if (failures.Count == 0)
            passed++;
        else
            failed++;
        if (world.Rank == 0)
            Console.WriteLine(failures.Count == 0 ? $"{name}: ok" : $"{name}: failed: {string.Join("; ", failures)}");
    }

    /// <summary>Every rank's failure, with the rank's number; empty if there was none.</summary>
    private List<string> Exchange(string failure)
    {
        byte[] mine = new byte[MessageBytes];
        Encoding.UTF8.GetEncoder().Convert(failure, mine, flush: true, out _, out _, out _);
        byte[] all = new byte[MessageBytes * outcomes.Size];
        outcomes.Allgather<byte>(mine, all);
        List<string> failures = [];
        for (int rank = 0; rank < outcomes.Size; rank++)
        {
            string text = Encoding.UTF8.GetString(all, rank * MessageBytes, MessageBytes).TrimEnd('\0');
            if (text.Length > 0)
                failures.Add($"rank {rank}: {text}");
        }
        return failures;
    }

    private void AbortHangingCheck()
    {
        Console.WriteLine($"{running}: failed: rank {world.Rank} has not finished after {Deadline.TotalSeconds} s");
        failed++;
        PrintSummary();
        world.Abort(1);
    }

    private void PrintSummary()
    {
        if (world.Rank == 0)
            Console.WriteLine($"MPI tests: {passed} passed, {failed} failed");
    }
}
