using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Decoding;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

public sealed class LmHeadTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private const int HiddenDim = 40;

    /// <summary>Vocabularies that end within a rank's part, that leave ranks without one, and that divide evenly.</summary>
    [Theory]
    [InlineData(5)]
    [InlineData(37)]
    [InlineData(129)]
    [InlineData(1024)]
    public void Gather_OneToken_GivesEveryRankTheBitsOfOneRankAlone(int vocabulary)
    {
        float[] expected = Logits(vocabulary, ranks: 1, tokens: 1)[0];
        Assert.Equal(vocabulary, expected.Distinct().Count());
        foreach (int ranks in new[] { 2, 3, 4, 8 })
            Assert.All(Logits(vocabulary, ranks, tokens: 1), found => Assert.Equal(expected, found));
    }

    [Fact]
    public void Gather_SeveralTokens_EveryRankComputesThemWhole()
    {
        float[] expected = Logits(vocabulary: 37, ranks: 1, tokens: 3)[0];
        Assert.All(Logits(vocabulary: 37, ranks: 2, tokens: 3), found => Assert.Equal(expected, found));
    }

    [Theory]
    [InlineData(Topology.Decentralized, new[] { 0, 0 }, 2)]
    [InlineData(Topology.Decentralized, new[] { 0, 1, 0, 1 }, 2)]
    [InlineData(Topology.Decentralized, new[] { 0, 1 }, 1)]
    [InlineData(Topology.Centralized, new[] { 0, 0 }, 1)]
    public void SplitByLogits_Hosts_TheRanksOfAHostThatRunTheLmHead(Topology topology, int[] hosts, int expected) => InProcessWorld.Run(hosts, world =>
    {
        SessionPlan plan = SessionPlan.Agree(world, RankSession.OpenModel(world, model.ModelPath), new EngineOptions { Topology = topology });
        using Intracommunicator ranks = plan.SplitByLogits();
        Assert.Equal(expected, ranks.Size);
    });

    /// <summary>Logits of every rank, [ranks][tokens · vocabulary].</summary>
    private static float[][] Logits(int vocabulary, int ranks, int tokens)
    {
        float[][] logits = new float[ranks][];
        InProcessWorld.Run(ranks, world =>
        {
            using CpuDevice device = new(1);
            int partLength = LmHead.PartLength(vocabulary, ranks);
            using DeviceBuffer weights = Random(device, vocabulary * HiddenDim);
            using DeviceBuffer input = Random(device, tokens * HiddenDim);
            using DeviceBuffer output = device.Allocate(Math.Max(tokens * vocabulary, ranks * partLength) * sizeof(float));
            using DeviceBuffer part = device.Allocate(partLength * sizeof(float));
            WeightMatrix matrix = new(weights, 0, vocabulary, HiddenDim, HiddenDim * sizeof(float), ElementType.Float32);
            Activations result = new(output, 0, tokens, vocabulary);
            LmHead head = new(device, matrix, world, ranks == 1 ? null : new Activations(part, 0, 1, partLength));
            head.Start(new Activations(input, 0, tokens, HiddenDim), result);
            device.Complete();
            head.Gather(result);
            logits[world.Rank] = result.Values.ToArray();
        });
        return logits;
    }

    private static DeviceBuffer Random(CpuDevice device, int count)
    {
        DeviceBuffer buffer = device.Allocate(count * sizeof(float));
        Random random = new(count);
        foreach (ref float value in buffer.Span<float>(0, count))
            value = random.NextSingle() - 0.5f;
        return buffer;
    }
}
