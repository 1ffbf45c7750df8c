using SpmdDbrx.Mpi;

namespace SpmdDbrx.Tests.Engine;

/// <summary>A world of one rank that tells when an all-reduce returns.</summary>
internal sealed class NotingWorld(Action allreduceReturned) : Intracommunicator
{
    public override int Rank => 0;

    public override int Size => 1;

    public override Intracommunicator Split(int color, int key) => new SingleRankCommunicator();

    public override Intracommunicator SplitByHost() => new SingleRankCommunicator();

    public override void Abort(int exitCode) => throw new InvalidOperationException($"abort with {exitCode}");

    public override void Dispose()
    {
    }

    protected override void BarrierCore()
    {
    }

    protected override void AllreduceCore<T>(Span<T> values, Operation<T> operation) => allreduceReturned();

    protected override void ReduceCore<T>(Span<T> values, Operation<T> operation, int root)
    {
    }

    protected override void BroadcastCore<T>(Span<T> values, int root)
    {
    }

    protected override void GatherCore<T>(ReadOnlySpan<T> send, Span<T> receive, int root) => send.CopyTo(receive);

    protected override void AllgatherCore<T>(ReadOnlySpan<T> send, Span<T> receive) => send.CopyTo(receive);
}
