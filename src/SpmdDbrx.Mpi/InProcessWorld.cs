namespace SpmdDbrx.Mpi;

/// <summary>A world whose ranks are threads of this process, for tests: the same contract as MPI, sums in rank order and
/// therefore the same bits in every run.</summary>
/// <remarks>What hangs or crashes under MPI is an exception here: ranks that call different collectives, or a rank that
/// leaves while others wait for it.</remarks>
public static class InProcessWorld
{
    /// <summary>Runs <paramref name="program"/> on every rank and returns when all have returned.</summary>
    /// <param name="ranks">Number of ranks, at least 1.</param>
    /// <param name="program">What each rank does with its world.</param>
    /// <exception cref="MpiException">A rank failed; the message names it and the inner exception is its own. The other ranks
    /// were released from whatever they waited in.</exception>
    public static void Run(int ranks, Action<Intracommunicator> program) => Run(new int[Math.Max(0, ranks)], program);

    /// <summary>Runs <paramref name="program"/> on ranks that play to be on several hosts.</summary>
    /// <param name="hostOfRank">A number per rank, equal exactly for ranks of one host.</param>
    /// <param name="program">What each rank does with its world.</param>
    /// <exception cref="MpiException">A rank failed.</exception>
    public static void Run(IReadOnlyList<int> hostOfRank, Action<Intracommunicator> program)
    {
        int ranks = hostOfRank.Count;
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        InProcessJob job = new(hostOfRank);
        InProcessGroup world = new(job, [.. Enumerable.Range(0, ranks)]);
        Thread[] threads = [.. Enumerable.Range(0, ranks).Select(rank => new Thread(() => RunRank(job, world, rank, program))
        {
            Name = $"rank {rank}",
            IsBackground = true,
        })];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        job.ThrowIfFailed();
    }

    private static void RunRank(InProcessJob job, InProcessGroup world, int rank, Action<Intracommunicator> program)
    {
        try
        {
            program(new InProcessCommunicator(world, rank));
            job.Leave(rank);
        }
#pragma warning disable CA1031 // a rank's exception, whatever it is, is rethrown by Run
        catch (Exception exception)
#pragma warning restore CA1031
        {
            job.Fail(rank, exception);
        }
    }
}
