using System.Runtime.CompilerServices;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.MpiTests;

/// <summary>The contract on the world mpiexec made, and what only a real MPI can get wrong.</summary>
public sealed class NativeWorldTests(Intracommunicator world) : IntracommunicatorContract
{
    [Fact]
    public void Collectives_LongerThanOneMessage_AreCutIntoParts()
    {
        // 1000 bytes a part stand for the 256 MiB of real use; lengths around the border and a ragged last part.
        NativeMpi.spmd_mpi_set_part_bytes(1000);
        try
        {
            foreach (int length in (int[])[249, 250, 251, 500, 1777])
                MoveInParts(length);
        }
        finally
        {
            NativeMpi.spmd_mpi_set_part_bytes(1 << 28);
        }
    }

    [Fact]
    public void Collective_FromAnotherThread_ThrowsNamingTheRule()
    {
        Exception? thrown = null;
        Thread thread = new(() => thrown = Record.Exception(world.Barrier));
        thread.Start();
        thread.Join();
        Assert.Contains("MPI_THREAD_FUNNELED", Assert.IsType<InvalidOperationException>(thrown).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Collective_OnADisposedCommunicator_Throws()
    {
        Intracommunicator group = world.Split(0, 0);
        group.Dispose();
        group.Dispose();
        Assert.Throws<ObjectDisposedException>(group.Barrier);
    }

    [Fact]
    public void ThrowOnError_AnMpiCode_SpeaksMpisWords()
    {
        // 0-based classes differ between MPIs, so the code comes from a real mistake: a reduction MPI does not know.
        int code = ReduceWithUnknownOperation();
        Assert.NotEqual(0, code);
        MpiException exception = Assert.Throws<MpiException>(() => NativeMpi.ThrowOnError(code, "MPI_Allreduce"));
        Assert.StartsWith("MPI_Allreduce: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains("MPI_ERR_OP", exception.Message.Replace("Invalid MPI_Op", "MPI_ERR_OP", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    /// <summary>MPI libraries like to install signal handlers; .NET needs its own to turn a fault into an exception.</summary>
    [Fact]
    public void NullReference_AfterMpiInit_IsStillAnException() =>
        Assert.Throws<NullReferenceException>(() => Dereference(null!));

    protected override void OnEveryRank(Action<Intracommunicator> check) => check(world);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Dereference(int[] values) => values.Length;

    private unsafe int ReduceWithUnknownOperation()
    {
        using Intracommunicator group = world.Split(0, 0);
        float value = 1;
        return NativeMpi.spmd_mpi_allreduce(((NativeIntracommunicator)group).Handle(), &value, 1, ReductionType.Single, (ReductionKind)99);
    }

    private void MoveInParts(int length)
    {
        int[] sum = [.. Enumerable.Range(0, length).Select(i => i + world.Rank)];
        int[] onRoot = [.. sum];
        int[] mine = [.. sum];
        int[] fromLast = [.. sum];
        int ranks = world.Size, rankSum = ranks * (ranks - 1) / 2, last = ranks - 1;
        world.Allreduce(sum.AsSpan(), Operation<int>.Add);
        world.Reduce(onRoot.AsSpan(), Operation<int>.Add, last);
        world.Broadcast(fromLast.AsSpan(), last);
        int[] gathered = new int[world.Rank == last ? ranks * length : 0];
        world.Gather<int>(mine, gathered, last);
        int[] all = new int[ranks * length];
        world.Allgather<int>(mine, all);

        Assert.Equal(Enumerable.Range(0, length).Select(i => (i * ranks) + rankSum), sum);
        Assert.Equal(world.Rank == last ? sum : mine, onRoot);
        Assert.Equal(Enumerable.Range(last, length), fromLast);
        IEnumerable<int> expected = Enumerable.Range(0, ranks).SelectMany(rank => Enumerable.Range(rank, length));
        Assert.Equal(expected, all);
        if (world.Rank == last)
            Assert.Equal(expected, gathered);
    }
}
