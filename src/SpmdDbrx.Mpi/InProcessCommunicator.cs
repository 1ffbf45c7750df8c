using System.Runtime.CompilerServices;

namespace SpmdDbrx.Mpi;

/// <summary>One rank's view of an in-process group. Between two meetings ranks read and write each other's spans directly.</summary>
internal sealed unsafe class InProcessCommunicator(InProcessGroup group, int rank) : Intracommunicator
{
    public override int Rank => rank;

    public override int Size => group.Size;

    public override Intracommunicator Split(int color, int key)
    {
        group.Arrive(rank, new("Split", 0, 0, new Wish(color, key)));
        int[] chosen = [.. Enumerable.Range(0, Size).Where(other => WishOf(other).Color == color).OrderBy(other => WishOf(other).Key)];
        int newRank = Array.IndexOf(chosen, rank);
        // The first of the new group makes it; the others take it from the first.
        InProcessGroup? made = newRank == 0 ? new(group.Job, [.. chosen.Select(group.WorldRank)]) : null;
        group.Meet("Split");
        group.Arrive(rank, new("Split", 0, 0, made));
        InProcessGroup child = (InProcessGroup)group.CallOf(chosen[0]).Result!;
        group.Meet("Split");
        return new InProcessCommunicator(child, newRank);
    }

    public override Intracommunicator SplitByHost() => Split(group.Job.HostOf(group.WorldRank(rank)), rank);

    public override void ThrowIfPeerIsGone() => group.ThrowIfPeerIsGone();

    public override void Abort(int exitCode) => throw new MpiException($"aborted with exit code {exitCode}");

    public override void Dispose()
    {
    }

    protected override void BarrierCore() => group.Arrive(rank, new("Barrier", 0, 0));

    // Each rank reduces its own slice of the elements over all ranks, in rank order, and writes it to all ranks.
    protected override void AllreduceCore<T>(Span<T> values, Operation<T> operation)
    {
        fixed (T* pointer = values)
        {
            group.Arrive(rank, new($"Allreduce {operation.Kind} {typeof(T).Name}", (nint)pointer, Bytes<T>(values.Length)));
            int start = (int)((long)values.Length * rank / Size);
            int count = (int)((long)values.Length * (rank + 1) / Size) - start;
            Span<T> sum = new T[count];
            Combine(start, sum, operation.Kind);
            for (int other = 0; other < Size; other++)
                sum.CopyTo(Slice<T>(other, start, count));
            group.Meet("Allreduce");
        }
    }

    protected override void ReduceCore<T>(Span<T> values, Operation<T> operation, int root)
    {
        fixed (T* pointer = values)
        {
            group.Arrive(rank, new($"Reduce {operation.Kind} {typeof(T).Name} to {root}", (nint)pointer, Bytes<T>(values.Length)));
            if (rank == root)
            {
                Span<T> sum = new T[values.Length];
                Combine(0, sum, operation.Kind);
                sum.CopyTo(values);
            }
            group.Meet("Reduce");
        }
    }

    protected override void BroadcastCore<T>(Span<T> values, int root)
    {
        fixed (T* pointer = values)
        {
            group.Arrive(rank, new($"Broadcast from {root}", (nint)pointer, Bytes<T>(values.Length)));
            if (rank != root)
                Slice<T>(root, 0, values.Length).CopyTo(values);
            group.Meet("Broadcast");
        }
    }

    protected override void GatherCore<T>(ReadOnlySpan<T> send, Span<T> receive, int root)
    {
        fixed (T* pointer = send)
        {
            group.Arrive(rank, new($"Gather to {root}", (nint)pointer, Bytes<T>(send.Length)));
            if (rank == root)
                CollectAll(send.Length, receive);
            group.Meet("Gather");
        }
    }

    protected override void AllgatherCore<T>(ReadOnlySpan<T> send, Span<T> receive)
    {
        fixed (T* pointer = send)
        {
            group.Arrive(rank, new("Allgather", (nint)pointer, Bytes<T>(send.Length)));
            CollectAll(send.Length, receive);
            group.Meet("Allgather");
        }
    }

    private static long Bytes<T>(int count) => (long)count * Unsafe.SizeOf<T>();

    private void Combine<T>(int start, Span<T> sum, ReductionKind kind) where T : unmanaged
    {
        Slice<T>(0, start, sum.Length).CopyTo(sum);
        for (int other = 1; other < Size; other++)
            Reduction.Combine(sum, Slice<T>(other, start, sum.Length), kind);
    }

    private void CollectAll<T>(int count, Span<T> receive) where T : unmanaged
    {
        for (int other = 0; other < Size; other++)
            Slice<T>(other, 0, count).CopyTo(receive.Slice(other * count, count));
    }

    private Span<T> Slice<T>(int other, int start, int count) where T : unmanaged =>
        new((T*)group.CallOf(other).Pointer + start, count);

    private Wish WishOf(int other) => (Wish)group.CallOf(other).Result!;

    private sealed record Wish(int Color, int Key);
}
