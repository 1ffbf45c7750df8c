namespace SpmdDbrx.Mpi;

/// <summary>One communicator of an in-process world, as all its ranks see it: the place where they meet.</summary>
/// <param name="job">The world it belongs to.</param>
/// <param name="members">World rank of each rank of this group.</param>
internal sealed class InProcessGroup(InProcessJob job, int[] members)
{
    private readonly Call[] calls = new Call[members.Length];
    private int arrived;
    private long meeting;

    public int Size => members.Length;

    public InProcessJob Job => job;

    public int WorldRank(int rank) => members[rank];

    /// <summary>Hands in this rank's call and waits for the others'. The calls stay readable until this rank's next <see cref="Meet"/>.</summary>
    /// <exception cref="MpiException">Another rank failed, left, or made a different call.</exception>
    public void Arrive(int rank, Call call)
    {
        calls[rank] = call;
        Meet(call.Operation, ThrowIfCallsDiffer);
    }

    /// <summary>Returns when every rank of the group has called it.</summary>
    /// <exception cref="MpiException">Another rank failed or left.</exception>
    public void Meet(string operation, Action? onceAllAreHere = null)
    {
        lock (job.Gate)
        {
            job.ThrowIfFailed();
            if (++arrived == Size)
            {
                onceAllAreHere?.Invoke();
                arrived = 0;
                meeting++;
                Monitor.PulseAll(job.Gate);
                return;
            }
            for (long mine = meeting; meeting == mine; Monitor.Wait(job.Gate))
            {
                job.ThrowIfFailed();
                job.ThrowIfAnyLeft(members, operation);
            }
        }
    }

    /// <exception cref="MpiException">Another rank failed or left.</exception>
    public void ThrowIfPeerIsGone()
    {
        lock (job.Gate)
        {
            job.ThrowIfFailed();
            job.ThrowIfAnyLeft(members, "waiting");
        }
    }

    /// <summary>What <paramref name="rank"/> handed in.</summary>
    public Call CallOf(int rank) => calls[rank];

    private void ThrowIfCallsDiffer()
    {
        for (int rank = 1; rank < Size; rank++)
        {
            if (calls[rank].Operation != calls[0].Operation || calls[rank].Bytes != calls[0].Bytes)
                throw new MpiException($"ranks disagree: rank {members[0]} calls {calls[0]}, rank {members[rank]} calls {calls[rank]}");
        }
    }

    /// <summary>One rank's part of a collective.</summary>
    /// <param name="Operation">Name with everything that must be the same on all ranks.</param>
    /// <param name="Pointer">This rank's buffer.</param>
    /// <param name="Bytes">Its length.</param>
    /// <param name="Result">What a split made.</param>
    internal readonly record struct Call(string Operation, nint Pointer, long Bytes, object? Result = null)
    {
        public override string ToString() => $"{Operation} of {Bytes} bytes";
    }
}
