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
        foreach (ElementType type in new[] { ElementType.Float32, ElementType.BFloat16 })
        {
            float[] expected = Logits(vocabulary, ranks: 1, tokens: 1, type, threads: 1)[0];
            Assert.Equal(vocabulary, expected.Distinct().Count());
            foreach (int ranks in new[] { 2, 3, 4, 8 })
                Assert.All(Logits(vocabulary, ranks, tokens: 1, type, threads: 2), found => Assert.Equal(expected, found));
        }
    }

    [Fact]
    public void Gather_SeveralTokens_EveryRankComputesThemWhole()
    {
        float[] expected = Logits(vocabulary: 37, ranks: 1, tokens: 3, ElementType.Float32, threads: 1)[0];
        Assert.All(Logits(vocabulary: 37, ranks: 2, tokens: 3, ElementType.Float32, threads: 1), found => Assert.Equal(expected, found));
    }

    [Theory]
    [InlineData(Topology.Decentralized, new[] { 0, 0 }, 2)]
    [InlineData(Topology.Decentralized, new[] { 0, 1, 0, 1 }, 2)]
    [InlineData(Topology.Decentralized, new[] { 0, 1 }, 1)]
    [InlineData(Topology.Centralized, new[] { 0, 0 }, 1)]
    public void Session_Hosts_TheRanksOfAHostThatRunTheLmHeadShareASingleTokens(Topology topology, int[] hosts, int sharing) => InProcessWorld.Run(hosts, world =>
    {
        using CpuDevice device = new(1);
        using RankSession session = RankSession.Open(world, device, model.ModelPath, new EngineOptions { Topology = topology, ContextLength = 16 });
        session.Decoder.Forward([1, 2, 3], position: 0);
        Intracommunicator ranks = world.HostRanks();
        Assert.Equal(hosts.Count(host => host == hosts[world.Rank]), ranks.Size);
        if (!session.Exchange.RunsAttention)
            return;
        session.Decoder.Logits(0, 2);
        Assert.Equal(0, ranks.Counters.OtherCollectives);
        session.Decoder.Logits(2, 1);
        Assert.Equal(sharing == 1 ? 0 : 1, ranks.Counters.OtherCollectives);
        Assert.Equal(sharing == 1 ? 0 : sizeof(float) * LmHead.PartLength(session.Model.Config.VocabularySize, sharing), ranks.Counters.PayloadBytes);
    });

    [Fact]
    public void Gather_OtherHiddenStateOnOneRank_EndsBothAndNamesThem()
    {
        Exception?[] errors = new Exception?[3];
        InProcessWorld.Run([0, 1, 1], world => errors[world.Rank] = Record.Exception(() =>
            Logits(world, vocabulary: 37, tokens: 1, ElementType.Float32, threads: 1, firstInput: world.Rank == 2 ? 1 : 0)));
        Assert.Null(errors[0]);
        Assert.Contains("rank 1 and rank 2", Assert.IsType<EngineException>(errors[1]).Message, StringComparison.Ordinal);
        Assert.Contains("rank 1", Assert.IsType<PeerFailedException>(errors[2]).Message, StringComparison.Ordinal);
    }

    /// <summary>Logits of every rank, [ranks][tokens · vocabulary].</summary>
    private static float[][] Logits(int vocabulary, int ranks, int tokens, ElementType type, int threads)
    {
        float[][] logits = new float[ranks][];
        InProcessWorld.Run(ranks, world => logits[world.Rank] = Logits(world, vocabulary, tokens, type, threads, firstInput: 0));
        return logits;
    }

    /// <summary>Logits of a rank that shares them out with the others of its host.</summary>
    private static float[] Logits(Intracommunicator world, int vocabulary, int tokens, ElementType type, int threads, float firstInput)
    {
        using CpuDevice device = new(threads);
        Intracommunicator ranks = world.HostRanks();
        int partLength = LmHead.PartLength(vocabulary, ranks.Size);
        using DeviceBuffer weights = device.Allocate(type.ByteCount(vocabulary * HiddenDim));
        using DeviceBuffer input = device.Allocate(tokens * HiddenDim * sizeof(float));
        using DeviceBuffer output = device.Allocate(tokens * vocabulary * sizeof(float));
        using DeviceBuffer part = device.Allocate(partLength * sizeof(float)), parts = device.Allocate(ranks.Size * partLength * sizeof(float));
        Random random = new(vocabulary);
        for (int index = 0; index < vocabulary * HiddenDim; index++)
        {
            float value = random.NextSingle() - 0.5f;
            if (type == ElementType.Float32)
                weights.Span<float>(0, vocabulary * HiddenDim)[index] = value;
            else
                weights.Span<ushort>(0, vocabulary * HiddenDim)[index] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
        }
        foreach (ref float value in input.Span<float>(0, tokens * HiddenDim))
            value = random.NextSingle() - 0.5f;
        input.Span<float>(0, 1)[0] += firstInput;
        WeightMatrix matrix = new(weights, 0, vocabulary, HiddenDim, type.ByteCount(HiddenDim), type);
        Activations normed = new(input, 0, tokens, HiddenDim);
        Activations result = new(output, 0, tokens, vocabulary);
        LmHead head = new(device, matrix, ranks.Size == 1 ? null : ranks, new Activations(part, 0, 1, partLength), new Activations(parts, 0, ranks.Size, partLength), world.Rank);
        head.Start(normed, result);
        device.Complete();
        head.Gather(normed, result);
        return result.Values.ToArray();
    }
}
