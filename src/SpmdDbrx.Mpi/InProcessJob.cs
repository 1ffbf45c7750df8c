namespace SpmdDbrx.Mpi;

/// <summary>What all groups of an in-process world share: the lock they wait on, who has left, and the first failure.</summary>
/// <param name="hostOfRank">A number per rank, equal exactly for ranks that play one host.</param>
internal sealed class InProcessJob(IReadOnlyList<int> hostOfRank)
{
    private readonly bool[] left = new bool[hostOfRank.Count];
    private MpiException? failure;

    /// <summary>Guards this object and every group of the job; waiting ranks wait on it.</summary>
    public object Gate { get; } = new();

    /// <summary>The host that a rank plays to be on.</summary>
    public int HostOf(int rank) => hostOfRank[rank];

    /// <summary>The rank has returned: whoever still waits for it must not wait for ever.</summary>
    public void Leave(int rank)
    {
        lock (Gate)
        {
            left[rank] = true;
            Monitor.PulseAll(Gate);
        }
    }

    /// <summary>Records the first failure and releases every waiting rank.</summary>
    public void Fail(int rank, Exception exception)
    {
        lock (Gate)
        {
            failure ??= new MpiException($"rank {rank}: {exception.Message}", exception);
            Monitor.PulseAll(Gate);
        }
    }

    /// <summary>Throws the first failure, if there was one.</summary>
    public void ThrowIfFailed()
    {
        lock (Gate)
        {
            if (failure is not null)
                throw new MpiException(failure.Message, failure.InnerException!);
        }
    }

    /// <summary>Throws if one of <paramref name="members"/> has returned; <see cref="Gate"/> is held.</summary>
    public void ThrowIfAnyLeft(ReadOnlySpan<int> members, string operation)
    {
        foreach (int member in members)
        {
            if (left[member])
                throw new MpiException($"{operation}: rank {member} has returned and will never take part");
        }
    }
}
