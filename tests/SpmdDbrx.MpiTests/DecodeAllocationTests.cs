using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Sampling;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Mpi;
using SpmdDbrx.Tests;
using Xunit;

namespace SpmdDbrx.MpiTests;

/// <summary>Whole tokens of the tiny model over a real MPI: none of the ranks allocates for one.</summary>
public sealed class DecodeAllocationTests(Intracommunicator world)
{
    private const int FirstRound = 2, Rounds = 8, RoundTokens = 32;

    [Theory]
    [InlineData(Topology.Decentralized, false)]
    [InlineData(Topology.Decentralized, true)]
    [InlineData(Topology.Centralized, true)]
    public void Decode_AfterTheFirstTokens_AllocatesNothing(Topology topology, bool sharesExperts)
    {
        string model = Path.Combine(Path.GetTempPath(), $"spmd-mpi-tests-{AgreedNumber()}");
        try
        {
            if (world.Rank == 0)
                Prestacker.Run(RepositoryPaths.TinyModel, model, new PrestackOptions());
            world.Barrier();
            using CpuDevice device = new(threads: 1);
            using RankSession session = RankSession.Open(world, device, model, new EngineOptions { Topology = topology, SharesExperts = sharesExperts });
            Assert.Equal(sharesExperts ? world.HostRanks().Size : 1, session.Teams.SizeOf(world.Rank));
            Assert.Equal(0, LeastBytesOfARound(session));
        }
        finally
        {
            if (world.Rank == 0 && Directory.Exists(model))
                Directory.Delete(model, recursive: true);
        }
    }

    private long AgreedNumber()
    {
        long[] number = [world.Rank == 0 ? Random.Shared.NextInt64() : 0];
        world.Broadcast(number.AsSpan(), 0);
        return number[0];
    }

    /// <summary>All threads count, the runtime's own too: an allocation per token would show in every round.</summary>
    private static long LeastBytesOfARound(RankSession session)
    {
        Sampler sampler = new(new SamplingOptions(), session.Model.Config.VocabularySize);
        int token = 1;
        for (int position = 0; position < FirstRound; position++)
            token = Step(session, sampler, token, position);
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int offset = 0; offset < RoundTokens; offset++)
                token = Step(session, sampler, token, FirstRound + (round * RoundTokens) + offset);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }

    private static int Step(RankSession session, Sampler sampler, int token, int position)
    {
        session.Decoder.Forward([token], position);
        int sampled = session.Exchange.RunsAttention ? sampler.Sample(session.Decoder.Logits(0, 1).Row(0), position) : 0;
        return session.Exchange.AgreeOnToken(sampled);
    }
}
