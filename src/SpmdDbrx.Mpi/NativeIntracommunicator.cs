using System.Runtime.CompilerServices;

namespace SpmdDbrx.Mpi;

/// <summary>A communicator of the local MPI. Spans go to MPI as they are, pinned for the call.</summary>
internal sealed unsafe class NativeIntracommunicator : Intracommunicator
{
    private readonly bool isWorld;
    private readonly int ownerThread = System.Environment.CurrentManagedThreadId;
    private nint handle;

    private NativeIntracommunicator(nint handle, NativeIntracommunicator? parent)
        : base(parent?.Activity)
    {
        this.handle = handle;
        isWorld = parent is null;
        NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_describe(handle, out int rank, out int size, out int yields), "MPI_Comm_rank");
        (Rank, Size, YieldsWhileWaiting) = (rank, size, yields != 0);
    }

    public override int Rank { get; }

    public override int Size { get; }

    /// <summary>Whether a waiting rank gives up its core, because ranks outnumber cores.</summary>
    public bool YieldsWhileWaiting { get; }

    /// <summary>Initialises MPI; the calling thread is the one that may communicate.</summary>
    public static NativeIntracommunicator StartWorld()
    {
        NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_start(out nint world), "MPI_Init_thread");
        return new NativeIntracommunicator(world, parent: null);
    }

    public override Intracommunicator Split(int color, int key)
    {
        NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_split(Handle(), color, key, out nint child), "MPI_Comm_split");
        return new NativeIntracommunicator(child, this);
    }

    public override Intracommunicator SplitByHost()
    {
        NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_split_by_host(Handle(), out nint child), "MPI_Comm_split_type");
        return new NativeIntracommunicator(child, this);
    }

    // From any thread: a watchdog or signal handler ends a job whose own thread waits.
    public override void Abort(int exitCode)
    {
        Environment.AnnounceFailure();
        _ = NativeMpi.spmd_mpi_abort(handle, exitCode);
    }

    /// <summary>Frees a communicator made by a split. The world ends with <see cref="Environment.Run"/>, never here:
    /// finalising MPI while an exception unwinds would wait for ranks that wait for this one.</summary>
    public override void Dispose()
    {
        if (isWorld || handle == 0)
            return;
        NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_free(Handle()), "MPI_Comm_free");
        handle = 0;
    }

    protected override void BarrierCore() => NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_barrier(Handle()), "MPI_Barrier");

    protected override void AllreduceCore<T>(Span<T> values, Operation<T> operation)
    {
        fixed (T* pointer = values)
            NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_allreduce(Handle(), pointer, values.Length, ReductionTypes.Of<T>(), operation.Kind), "MPI_Allreduce");
    }

    protected override void ReduceCore<T>(Span<T> values, Operation<T> operation, int root)
    {
        fixed (T* pointer = values)
            NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_reduce(Handle(), pointer, values.Length, ReductionTypes.Of<T>(), operation.Kind, root), "MPI_Reduce");
    }

    protected override void BroadcastCore<T>(Span<T> values, int root)
    {
        fixed (T* pointer = values)
            NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_broadcast(Handle(), pointer, Bytes<T>(values.Length), root), "MPI_Bcast");
    }

    protected override void GatherCore<T>(ReadOnlySpan<T> send, Span<T> receive, int root)
    {
        fixed (T* from = send, to = receive)
            NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_gather(Handle(), from, to, Bytes<T>(send.Length), root), "MPI_Gather");
    }

    protected override void AllgatherCore<T>(ReadOnlySpan<T> send, Span<T> receive)
    {
        fixed (T* from = send, to = receive)
            NativeMpi.ThrowOnError(NativeMpi.spmd_mpi_allgather(Handle(), from, to, Bytes<T>(send.Length)), "MPI_Allgather");
    }

    private static long Bytes<T>(int count) => (long)count * Unsafe.SizeOf<T>();

    internal nint Handle()
    {
        ObjectDisposedException.ThrowIf(handle == 0, this);
        if (System.Environment.CurrentManagedThreadId != ownerThread)
            throw new InvalidOperationException("a communicator was used from another thread than the one that made it; MPI runs with MPI_THREAD_FUNNELED");
        return handle;
    }
}
