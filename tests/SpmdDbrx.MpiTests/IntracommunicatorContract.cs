using System.Runtime.InteropServices;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.MpiTests;

/// <summary>What every world promises, whatever stands behind it and however many ranks it has. Written once: xunit runs it on
/// the single-rank and in-process worlds, mpiexec on the native one.</summary>
public abstract class IntracommunicatorContract
{
    [Fact]
    public void Rank_OfEveryRank_IsUniqueAndBelowSize() => OnEveryRank(world =>
    {
        int[] ranks = new int[world.Size];
        world.Allgather<int>([world.Rank], ranks);
        Assert.Equal(Enumerable.Range(0, world.Size), ranks);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(61)]
    [InlineData(6144)]
    [InlineData(100_003)]
    public void Allreduce_AddFloats_GivesEveryRankTheSum(int length) => OnEveryRank(world =>
    {
        float[] values = [.. Enumerable.Range(0, length).Select(i => (float)((i % 1000) + world.Rank))];
        world.Allreduce(values.AsSpan(), Operation<float>.Add);
        // Small integers: exact in any order of summation.
        for (int i = 0; i < length; i++)
            Assert.Equal((i % 1000 * world.Size) + RankSum(world), values[i]);
    });

    [Fact]
    public void Allreduce_EveryTypeAndOperation_IsExact() => OnEveryRank(world =>
    {
        CheckReductions<byte>(world, r => (byte)(r + 3));
        CheckReductions<int>(world, r => (r * 70_000) - 5);
        CheckReductions<long>(world, r => (r * 5_000_000_000L) - 5);
        CheckReductions<float>(world, r => (r * 0.25f) - 1);
        CheckReductions<double>(world, r => (r * 0.125) - 1);
    });

    [Fact]
    public void Allreduce_RoundingSums_AreTheSameBitsOnEveryRank() => OnEveryRank(world =>
    {
        Random random = new(1234 + world.Rank);
        float[] values = new float[6144];
        for (int i = 0; i < values.Length; i++)
            values[i] = (random.NextSingle() - 0.5f) * MathF.Pow(10, random.Next(-6, 7));
        world.Allreduce(values.AsSpan(), Operation<float>.Add);
        float[] all = new float[values.Length * world.Size];
        world.Allgather<float>(values, all);
        ReadOnlySpan<int> bits = MemoryMarshal.Cast<float, int>(all);
        ReadOnlySpan<int> mine = MemoryMarshal.Cast<float, int>(values);
        for (int rank = 0; rank < world.Size; rank++)
            Assert.True(bits.Slice(rank * values.Length, values.Length).SequenceEqual(mine), $"rank {rank} has other bits than rank {world.Rank}");
    });

    [Fact]
    public void Allreduce_NativeMemory_IsReducedInPlace() => OnEveryRank(ReduceNativeMemory);

    [Fact]
    public void Allreduce_Slice_LeavesItsNeighboursAlone() => OnEveryRank(world =>
    {
        int[] values = [.. Enumerable.Repeat(1, 100)];
        world.Allreduce(values.AsSpan(10, 80), Operation<int>.Add);
        Assert.All(values[..10], value => Assert.Equal(1, value));
        Assert.All(values[10..90], value => Assert.Equal(world.Size, value));
        Assert.All(values[90..], value => Assert.Equal(1, value));
    });

    [Fact]
    public void Allreduce_UnsupportedType_ThrowsNamingIt() => OnEveryRank(world =>
    {
        NotSupportedException exception = Assert.Throws<NotSupportedException>(() => world.Allreduce<Half>(new Half[1], Operation<Half>.Add));
        Assert.Contains("System.Half", exception.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void Collectives_EmptySpans_DoNothing() => OnEveryRank(world =>
    {
        world.Allreduce<float>([], Operation<float>.Add);
        world.Reduce<float>([], Operation<float>.Add, 0);
        world.Broadcast<float>([], 0);
        world.Gather<float>([], [], 0);
        world.Allgather<float>([], []);
    });

    [Fact]
    public void Reduce_EveryRoot_OnlyTheRootChanges() => OnEveryRank(world =>
    {
        for (int root = 0; root < world.Size; root++)
        {
            long[] values = [world.Rank, 10];
            world.Reduce(values.AsSpan(), Operation<long>.Add, root);
            Assert.Equal(world.Rank == root ? [RankSum(world), 10 * world.Size] : [world.Rank, 10], values);
        }
    });

    [Fact]
    public void Broadcast_EveryRoot_EveryRankHasItsValues() => OnEveryRank(world =>
    {
        for (int root = 0; root < world.Size; root++)
        {
            // A 12-byte struct: broadcast moves bytes, whatever the type.
            (int, float, short)[] values = [.. Enumerable.Range(0, 1000).Select(i => (i + world.Rank, 0.5f * i, (short)world.Rank))];
            world.Broadcast(values.AsSpan(), root);
            for (int i = 0; i < values.Length; i++)
                Assert.Equal((i + root, 0.5f * i, (short)root), values[i]);
        }
    });

    [Fact]
    public void Gather_EveryRoot_ReceivesInRankOrder() => OnEveryRank(world =>
    {
        for (int root = 0; root < world.Size; root++)
        {
            int[] receive = world.Rank == root ? new int[3 * world.Size] : [];
            world.Gather<int>([world.Rank, root, 7], receive, root);
            if (world.Rank == root)
                Assert.Equal(Enumerable.Range(0, world.Size).SelectMany(rank => new[] { rank, root, 7 }), receive);
        }
    });

    [Fact]
    public void Allgather_Bytes_ReceivesInRankOrderEverywhere() => OnEveryRank(world =>
    {
        byte[] receive = new byte[5 * world.Size];
        world.Allgather<byte>([1, 2, 3, 4, (byte)world.Rank], receive);
        Assert.Equal(Enumerable.Range(0, world.Size).SelectMany(rank => new byte[] { 1, 2, 3, 4, (byte)rank }), receive);
    });

    [Fact]
    public void Gather_WrongReceiveLength_Throws() => OnEveryRank(world =>
    {
        Assert.Throws<ArgumentException>(() => world.Allgather<int>([1], new int[world.Size + 1]));
        if (world.Rank == 0)
            Assert.Throws<ArgumentException>(() => world.Gather<int>([1], new int[world.Size + 1], 0));
    });

    [Fact]
    public void Broadcast_RootOutsideTheWorld_Throws() => OnEveryRank(world =>
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => world.Broadcast<int>([1], world.Size));
        Assert.Throws<ArgumentOutOfRangeException>(() => world.Reduce<int>([1], Operation<int>.Add, -1));
    });

    [Fact]
    public void Barrier_LateRank_HoldsTheOthersBack() => OnEveryRank(world =>
    {
        if (world.Rank == world.Size - 1)
            Thread.Sleep(100);
        // Every rank of these tests reads the same host's clock.
        long[] lastArrival = [System.Environment.TickCount64];
        world.Barrier();
        long released = System.Environment.TickCount64;
        world.Broadcast(lastArrival.AsSpan(), world.Size - 1);
        Assert.InRange(released, lastArrival[0], long.MaxValue);
    });

    [Fact]
    public void Split_ByParity_GroupsCommunicateApart() => OnEveryRank(world =>
    {
        using Intracommunicator half = world.Split(world.Rank % 2, 0);
        Assert.Equal((world.Size + 1 - (world.Rank % 2)) / 2, half.Size);
        Assert.Equal(world.Rank / 2, half.Rank);
        int[] values = [world.Rank];
        half.Allreduce(values.AsSpan(), Operation<int>.Add);
        Assert.Equal(Enumerable.Range(0, world.Size).Where(rank => rank % 2 == world.Rank % 2).Sum(), values[0]);
    });

    [Fact]
    public void Split_DescendingKey_ReversesTheRanks() => OnEveryRank(world =>
    {
        using Intracommunicator reversed = world.Split(0, -world.Rank);
        Assert.Equal(world.Size - 1 - world.Rank, reversed.Rank);
        Assert.Equal(world.Size, reversed.Size);
    });

    [Fact]
    public void SplitByHost_OneHost_IsTheWholeWorld() => OnEveryRank(world =>
    {
        using Intracommunicator host = world.SplitByHost();
        Assert.Equal((world.Rank, world.Size), (host.Rank, host.Size));
        int[] values = [1];
        host.Allreduce(values.AsSpan(), Operation<int>.Add);
        Assert.Equal(world.Size, values[0]);
    });

    [Fact]
    public void Counters_OfEachCommunicator_CountItsOwnCalls() => OnEveryRank(world =>
    {
        using Intracommunicator group = world.Split(0, world.Rank);
        group.Allreduce<float>(new float[100], Operation<float>.Add);
        group.Allreduce<double>(new double[10], Operation<double>.Add);
        group.Reduce<int>(new int[2], Operation<int>.Max, 0);
        group.Broadcast<byte>(new byte[3], 0);
        group.Gather<short>([1], world.Rank == 0 ? new short[world.Size] : [], 0);
        group.Allgather<long>([1], new long[world.Size]);
        group.Barrier();
        Assert.Equal((2, 4), (group.Counters.Allreduces, group.Counters.OtherCollectives));
        Assert.Equal(400 + 80 + 8 + 3 + 2 + 8, group.Counters.PayloadBytes);
        Assert.True(group.Counters.Ticks > 0);
    });

    [Fact]
    public void SharedMemory_WhatOneRankWrites_AllOfItsHostReadAndNoFileIsLeft() => OnEveryRank(world =>
    {
        const int LineBytes = 64;
        using Intracommunicator host = world.SplitByHost();
        string directory = AgreedDirectory(host);
        Directory.CreateDirectory(directory);
        host.Barrier();
        using SharedMemory? memory = SharedMemory.TryCreate(host, LineBytes * host.Size, directory);
        Assert.NotNull(memory);
        Assert.Equal(LineBytes * host.Size, memory.ByteLength);
        WriteAndRead(memory, host, LineBytes);
        Assert.Empty(Directory.GetFileSystemEntries(directory));
        host.Barrier();
        if (host.Rank == 0)
            Directory.Delete(directory);
    });

    [Fact]
    public void SharedMemory_DirectoryThatOneRankHasNot_IsNullOnEveryRank() => OnEveryRank(world =>
    {
        using Intracommunicator host = world.SplitByHost();
        string directory = AgreedDirectory(host);
        Assert.Null(SharedMemory.TryCreate(host, 4096, directory));
        if (host.Rank == 0)
            Directory.CreateDirectory(directory);
        host.Barrier();
        using SharedMemory? memory = SharedMemory.TryCreate(host, 4096, host.Rank == host.Size - 1 && host.Size > 1 ? directory + "-other" : directory);
        Assert.Equal(host.Size > 1, memory is null);
        host.Barrier();
        if (host.Rank == 0)
            Directory.Delete(directory);
    });

    [Fact]
    public void SharedMemory_MoreThanThereIs_IsNullOnEveryRank() => OnEveryRank(world =>
    {
        using Intracommunicator host = world.SplitByHost();
        Assert.Null(SharedMemory.TryCreate(host, 1L << 60));
    });

    /// <summary>Runs a check on every rank of the world under test; a failure on any rank fails it.</summary>
    protected abstract void OnEveryRank(Action<Intracommunicator> check);

    /// <summary>A name that nobody else uses.</summary>
    private static string AgreedDirectory(Intracommunicator world)
    {
        Span<Guid> name = [Guid.NewGuid()];
        world.Broadcast(name, 0);
        return Path.Combine(Path.GetTempPath(), $"spmd-shared-memory-{name[0]:N}");
    }

    /// <summary>Every rank writes a line and reads those of all.</summary>
    private static unsafe void WriteAndRead(SharedMemory memory, Intracommunicator host, int lineBytes)
    {
        byte* first = (byte*)memory.Address;
        Assert.False(new Span<byte>(first, (int)memory.ByteLength).ContainsAnyExcept((byte)0));
        host.Barrier();
        new Span<byte>(first + (host.Rank * lineBytes), lineBytes).Fill((byte)(host.Rank + 1));
        host.Barrier();
        for (int rank = 0; rank < host.Size; rank++)
            Assert.False(new Span<byte>(first + (rank * lineBytes), lineBytes).ContainsAnyExcept((byte)(rank + 1)));
        host.Barrier();
    }

    private static int RankSum(Intracommunicator world) => world.Size * (world.Size - 1) / 2;

    private static void CheckReductions<T>(Intracommunicator world, Func<int, T> valueOf) where T : unmanaged, System.Numerics.INumber<T>
    {
        T[] values = [.. Enumerable.Range(0, world.Size).Select(valueOf)];
        CheckReduction(world, valueOf, Operation<T>.Add, values.Aggregate((a, b) => a + b));
        CheckReduction(world, valueOf, Operation<T>.Max, values.Max());
        CheckReduction(world, valueOf, Operation<T>.Min, values.Min());
    }

    private static void CheckReduction<T>(Intracommunicator world, Func<int, T> valueOf, Operation<T> operation, T expected) where T : unmanaged
    {
        T[] values = [.. Enumerable.Repeat(valueOf(world.Rank), 37)];
        world.Allreduce(values.AsSpan(), operation);
        Assert.All(values, value => Assert.Equal(expected, value));
    }

    private static unsafe void ReduceNativeMemory(Intracommunicator world)
    {
        const int Length = 6144;
        float* memory = (float*)NativeMemory.AlignedAlloc(Length * sizeof(float), 64);
        try
        {
            Span<float> values = new(memory, Length);
            values.Fill(world.Rank + 1);
            world.Allreduce(values, Operation<float>.Add);
            for (int i = 0; i < Length; i++)
                Assert.Equal(RankSum(world) + world.Size, memory[i]);
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }
}
