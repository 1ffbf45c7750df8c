using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Sampling;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

/// <summary>Tests that count what the whole process allocates run alone.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTestCollection;

[Collection(nameof(AllocationTests))]
public sealed class AllocationTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [Theory]
    [InlineData(Topology.Decentralized, Loading.OnDemand, false)]
    [InlineData(Topology.Decentralized, Loading.RouterAided, true)]
    public void Decode_AfterTheFirstToken_AllocatesNothing(Topology topology, Loading loading, bool deterministic)
    {
        EngineOptions options = new() { Topology = topology, Loading = loading, Deterministic = deterministic };
        using SingleRankCommunicator world = new();
        using CpuDevice device = new(threads: 2);
        using RankSession session = RankSession.Open(world, device, model.ModelPath, options);
        Sampler sampler = new(new SamplingOptions(), session.Model.Config.VocabularySize);
        int token = Step(session, sampler, 1, 0);
        token = Step(session, sampler, token, 1);
        // All threads count, workers and the test runner's own: an allocation per token would show in every round.
        long least = long.MaxValue;
        for (int position = 2; position < 322; position += 32)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int offset = 0; offset < 32; offset++)
                token = Step(session, sampler, token, position + offset);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.Equal(0, least);
    }

    private static int Step(RankSession session, Sampler sampler, int token, int position)
    {
        session.Decoder.Forward([token], position);
        return session.Exchange.AgreeOnToken(sampler.Sample(session.Decoder.Logits(0, 1).Row(0), position));
    }
}
