using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SpmdDbrx.Mpi;

/// <summary>A group of ranks and its collectives, in MPI.NET's names. Every rank of the group makes the same calls in the same order.</summary>
/// <remarks>Three worlds stand behind it: the local MPI, one rank without mpiexec, and N threads of one process for tests.
/// Spans go to MPI as they are: no copies. Counting happens here, once for all worlds.</remarks>
public abstract class Intracommunicator : IDisposable
{
    private Intracommunicator? host;

    /// <param name="activity">The rank's, shared by its communicators; null = one of its own.</param>
    protected Intracommunicator(Activity? activity = null) => Activity = activity ?? new Activity();

    /// <summary>This rank, 0 … <see cref="Size"/> − 1.</summary>
    public abstract int Rank { get; }

    /// <summary>Number of ranks.</summary>
    public abstract int Size { get; }

    /// <summary>What this rank has communicated so far.</summary>
    public CommunicationCounters Counters { get; } = new();

    /// <summary>What this rank is doing; the program says the step, the communicator the collective.</summary>
    public Activity Activity { get; }

    /// <summary>Combines the values of all ranks element by element, in place; every rank receives the result.</summary>
    /// <exception cref="NotSupportedException">T is not byte, int, long, float or double.</exception>
    /// <exception cref="MpiException">The collective failed.</exception>
    public void Allreduce<T>(Span<T> values, Operation<T> operation) where T : unmanaged
    {
        _ = ReductionTypes.Of<T>();
        long start = Enter("all-reduce");
        AllreduceCore(values, operation);
        Counters.Allreduces++;
        Count(values.Length * (long)Unsafe.SizeOf<T>(), start, collectives: 0);
    }

    /// <summary>Combines the values of all ranks, in place, on <paramref name="root"/> only; elsewhere the values are left as they were.</summary>
    /// <exception cref="NotSupportedException">T is not byte, int, long, float or double.</exception>
    /// <exception cref="MpiException">The collective failed.</exception>
    public void Reduce<T>(Span<T> values, Operation<T> operation, int root) where T : unmanaged
    {
        _ = ReductionTypes.Of<T>();
        CheckRoot(root);
        long start = Enter("reduce");
        ReduceCore(values, operation, root);
        Count(values.Length * (long)Unsafe.SizeOf<T>(), start);
    }

    /// <summary>Copies the values of <paramref name="root"/> to every rank.</summary>
    /// <exception cref="MpiException">The collective failed.</exception>
    public void Broadcast<T>(Span<T> values, int root) where T : unmanaged
    {
        CheckRoot(root);
        long start = Enter("broadcast");
        BroadcastCore(values, root);
        Count(values.Length * (long)Unsafe.SizeOf<T>(), start);
    }

    /// <summary>Collects every rank's values on <paramref name="root"/> in rank order.</summary>
    /// <param name="send">This rank's values; the same length on every rank.</param>
    /// <param name="receive">On the root: <see cref="Size"/> times as long; elsewhere not used.</param>
    /// <param name="root">Who receives.</param>
    /// <exception cref="MpiException">The collective failed.</exception>
    public void Gather<T>(ReadOnlySpan<T> send, Span<T> receive, int root) where T : unmanaged
    {
        CheckRoot(root);
        if (Rank == root)
            CheckReceive(send.Length, receive.Length);
        long start = Enter("gather");
        GatherCore(send, receive, root);
        Count(send.Length * (long)Unsafe.SizeOf<T>(), start);
    }

    /// <summary>Collects every rank's values on every rank in rank order.</summary>
    /// <param name="send">This rank's values; the same length on every rank.</param>
    /// <param name="receive"><see cref="Size"/> times as long.</param>
    /// <exception cref="MpiException">The collective failed.</exception>
    public void Allgather<T>(ReadOnlySpan<T> send, Span<T> receive) where T : unmanaged
    {
        CheckReceive(send.Length, receive.Length);
        long start = Enter("all-gather");
        AllgatherCore(send, receive);
        Count(send.Length * (long)Unsafe.SizeOf<T>(), start);
    }

    /// <summary>Returns when every rank has called it.</summary>
    public void Barrier()
    {
        Activity.Collective = "barrier";
        BarrierCore();
        Activity.Collective = null;
    }

    /// <summary>Ranks of the same colour form a new group, ordered by <paramref name="key"/>, then by old rank.</summary>
    public abstract Intracommunicator Split(int color, int key);

    /// <summary>Ranks that share this rank's memory (one host) form a new group.</summary>
    public abstract Intracommunicator SplitByHost();

    /// <summary><see cref="SplitByHost"/> once and for as long as the program runs; the first call is collective, and nobody disposes the group.</summary>
    public Intracommunicator HostRanks() => host ??= SplitByHost();

    /// <summary>Throws where a rank that this one waits for without a collective will never come. Under MPI the whole job ends instead, and this does nothing.</summary>
    /// <exception cref="MpiException">In one process: another rank failed or left.</exception>
    public virtual void ThrowIfPeerIsGone()
    {
    }

    /// <summary>Ends every rank of the job with an exit code. Does not return under MPI.</summary>
    public abstract void Abort(int exitCode);

    public abstract void Dispose();

    protected abstract void BarrierCore();

    protected abstract void AllreduceCore<T>(Span<T> values, Operation<T> operation) where T : unmanaged;

    protected abstract void ReduceCore<T>(Span<T> values, Operation<T> operation, int root) where T : unmanaged;

    protected abstract void BroadcastCore<T>(Span<T> values, int root) where T : unmanaged;

    protected abstract void GatherCore<T>(ReadOnlySpan<T> send, Span<T> receive, int root) where T : unmanaged;

    protected abstract void AllgatherCore<T>(ReadOnlySpan<T> send, Span<T> receive) where T : unmanaged;

    private void CheckRoot(int root)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
    }

    private void CheckReceive(int sendLength, int receiveLength)
    {
        if (receiveLength != (long)sendLength * Size)
            throw new ArgumentException($"receive: {receiveLength} elements, expected {sendLength} from each of {Size} ranks");
    }

    private long Enter(string collective)
    {
        Activity.Collective = collective;
        return Stopwatch.GetTimestamp();
    }

    private void Count(long payloadBytes, long start, int collectives = 1)
    {
        Counters.OtherCollectives += collectives;
        Counters.PayloadBytes += payloadBytes;
        Counters.Ticks += Stopwatch.GetTimestamp() - start;
        Activity.Collective = null;
    }
}
