namespace SpmdDbrx.Mpi;

/// <summary>The world of a process started without mpiexec: one rank, every collective is the identity.</summary>
public sealed class SingleRankCommunicator : Intracommunicator
{
    public override int Rank => 0;

    public override int Size => 1;

    public override Intracommunicator Split(int color, int key) => new SingleRankCommunicator();

    public override Intracommunicator SplitByHost() => new SingleRankCommunicator();

    public override void Abort(int exitCode) => System.Environment.Exit(exitCode);

    public override void Dispose()
    {
    }

    protected override void BarrierCore()
    {
    }

    protected override void AllreduceCore<T>(Span<T> values, Operation<T> operation)
    {
    }

    protected override void ReduceCore<T>(Span<T> values, Operation<T> operation, int root)
    {
    }

    protected override void BroadcastCore<T>(Span<T> values, int root)
    {
    }

    protected override void GatherCore<T>(ReadOnlySpan<T> send, Span<T> receive, int root) => send.CopyTo(receive);

    protected override void AllgatherCore<T>(ReadOnlySpan<T> send, Span<T> receive) => send.CopyTo(receive);
}
