using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Mpi;

/// <summary>What the in-process world adds to the contract: order of summation, and exceptions where MPI would hang.</summary>
public sealed class InProcessWorldTests
{
    [Fact]
    public void Allreduce_RoundingSum_IsAddedInRankOrder() => InProcessWorld.Run(4, world =>
    {
        float[] terms = [1e8f, 1, -1e8f, 1];
        float[] values = [.. Enumerable.Repeat(terms[world.Rank], 10)];
        world.Allreduce(values.AsSpan(), Operation<float>.Add);
        Assert.All(values, value => Assert.Equal(((1e8f + 1) + -1e8f) + 1, value));
    });

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Run_ARankThrows_ReleasesTheOthersAndNamesIt(int culprit)
    {
        MpiException exception = Assert.Throws<MpiException>(() => InProcessWorld.Run(4, world =>
        {
            world.Barrier();
            if (world.Rank == culprit)
                throw new InvalidDataException("layer 3 is broken");
            world.Allreduce<float>(new float[8], Operation<float>.Add);
        }));
        Assert.Equal($"rank {culprit}: layer 3 is broken", exception.Message);
        Assert.IsType<InvalidDataException>(exception.InnerException);
    }

    [Fact]
    public void Run_ARankThrows_ReleasesRanksThatWaitInASubgroup()
    {
        MpiException exception = Assert.Throws<MpiException>(() => InProcessWorld.Run(3, world =>
        {
            using Intracommunicator group = world.Split(world.Rank == 2 ? 1 : 0, 0);
            if (world.Rank == 2)
                throw new InvalidDataException("alone");
            if (world.Rank == 0)
                group.Barrier();
            world.Barrier();
        }));
        Assert.Equal("rank 2: alone", exception.Message);
    }

    [Fact]
    public void Run_ARankReturnsEarly_IsNamedByTheOneThatWaits()
    {
        MpiException exception = Assert.Throws<MpiException>(() => InProcessWorld.Run(2, world =>
        {
            if (world.Rank == 0)
                world.Broadcast<int>(new int[1], 0);
        }));
        Assert.Equal("rank 0: Broadcast from 0: rank 1 has returned and will never take part", exception.Message);
    }

    [Fact]
    public void Collectives_OfDifferentKinds_Disagree()
    {
        MpiException exception = Assert.Throws<MpiException>(() => InProcessWorld.Run(2, world =>
        {
            if (world.Rank == 0)
                world.Allreduce<float>(new float[2], Operation<float>.Add);
            else
                world.Broadcast<float>(new float[2], 0);
        }));
        Assert.EndsWith("ranks disagree: rank 0 calls Allreduce Add Single of 8 bytes, rank 1 calls Broadcast from 0 of 8 bytes", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Collectives_OfDifferentLengths_Disagree()
    {
        MpiException exception = Assert.Throws<MpiException>(() => InProcessWorld.Run(3, world =>
            world.Allreduce<int>(new int[world.Rank == 1 ? 3 : 2], Operation<int>.Max)));
        Assert.EndsWith("ranks disagree: rank 0 calls Allreduce Max Int32 of 8 bytes, rank 1 calls Allreduce Max Int32 of 12 bytes", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Abort_OnOneRank_EndsTheWorld()
    {
        MpiException exception = Assert.Throws<MpiException>(() => InProcessWorld.Run(2, world =>
        {
            if (world.Rank == 1)
                world.Abort(7);
            world.Barrier();
        }));
        Assert.Equal("rank 1: aborted with exit code 7", exception.Message);
    }

    [Fact]
    public void Run_NoRanks_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => InProcessWorld.Run(0, _ => { }));

    /// <summary>A rank that is slow to wake must not see the next call of a fast one.</summary>
    [Fact]
    public void Collectives_ManyInARow_NeverMixWithTheNext() => InProcessWorld.Run(4, world =>
    {
        for (int round = 0; round < 500; round++)
        {
            int[] value = [round + world.Rank];
            world.Allreduce(value.AsSpan(), Operation<int>.Add);
            Assert.Equal((4 * round) + 6, value[0]);
            world.Barrier();
            world.Broadcast(value.AsSpan(), round % 4);
        }
    });
}
