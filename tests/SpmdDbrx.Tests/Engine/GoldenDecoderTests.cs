using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Session;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

/// <summary>The engine against the official model code, on in-process worlds: every strategy, partition and number of ranks.</summary>
public sealed class GoldenDecoderTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    // Two independent reference implementations differ by 2e-5 (golden README).
    private const double LogitTolerance = 2e-4;

    private static GoldenPrompt Prompt(string name) => TinyModelGolden.Instance.Prompts.Single(prompt => prompt.Name == name);

    public static TheoryData<string, int> PromptsAndRanks()
    {
        TheoryData<string, int> data = [];
        foreach (GoldenPrompt prompt in TinyModelGolden.Instance.Prompts)
        {
            foreach (int ranks in new[] { 1, 2, 4 })
                data.Add(prompt.Name, ranks);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(PromptsAndRanks))]
    public void Logits_LastPosition_AgreeWithTheReference(string name, int ranks)
    {
        float[][] logits = SessionRunner.Logits(ranks, model.ModelPath, new EngineOptions(), Prompt(name).Ids);
        float[] expected = Prompt(name).LastLogits.ToArray();
        Assert.Equal(Prompt(name).Ids.Length, logits.Length);
        for (int token = 0; token < expected.Length; token++)
            Assert.Equal(expected[token], logits[^1][token], LogitTolerance);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("long")]
    public void Routing_EveryLayerAndPosition_IsTheReferences(string name)
    {
        GoldenPrompt prompt = Prompt(name);
        SessionRunner.Run(1, model.ModelPath, new EngineOptions(), session =>
        {
            int topK = session.Model.Config.TopK;
            session.Decoder.OnRouting = (layer, routing) =>
            {
                int[] expected = prompt.RouterExperts[layer];
                for (int token = 0; token < routing.TokenCount; token++)
                    Assert.Equal(expected[(token * topK)..((token + 1) * topK)].Order(), routing.Experts.Slice(token * topK, topK).ToArray().Order());
            };
            session.Decoder.Forward(prompt.Ids, 0);
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void Prefill_AnyBatchSize_GivesTheGoldenTokens(int batchTokens)
    {
        GoldenPrompt prompt = Prompt("long");
        EngineOptions options = new() { BatchTokens = batchTokens };
        int[][] tokens = SessionRunner.Generate(2, model.ModelPath, options, prompt.Ids, prompt.GreedyTokens.Length);
        Assert.All(tokens, found => Assert.Equal(prompt.GreedyTokens, found));
    }

    public static TheoryData<Topology, Loading, Partition, int> Strategies()
    {
        TheoryData<Topology, Loading, Partition, int> data = [];
        foreach (Topology topology in Enum.GetValues<Topology>())
        {
            foreach (Loading loading in Enum.GetValues<Loading>())
            {
                data.Add(topology, loading, Partition.Experts, 2);
                data.Add(topology, loading, Partition.Experts, 5);
            }
            data.Add(topology, Loading.OnDemand, Partition.Slices, 3);
        }
        foreach (int ranks in new[] { 1, 3, 6, 7, 8, 16 })
            data.Add(Topology.Decentralized, Loading.OnDemand, Partition.Experts, ranks);
        return data;
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Generate_AnyStrategy_GivesTheGoldenTokensOnEveryRank(Topology topology, Loading loading, Partition partition, int ranks)
    {
        GoldenPrompt prompt = Prompt("unicode");
        EngineOptions options = new() { Topology = topology, Loading = loading, Partition = partition };
        int[][] tokens = SessionRunner.Generate(ranks, model.ModelPath, options, prompt.Ids, prompt.GreedyTokens.Length);
        Assert.All(tokens, found => Assert.Equal(prompt.GreedyTokens, found));
    }

    [Fact]
    public void Generate_UnstackedCheckpoint_GivesTheGoldenTokens()
    {
        GoldenPrompt prompt = Prompt("short");
        EngineOptions options = new() { Topology = Topology.Centralized };
        int[][] tokens = SessionRunner.Generate(2, RepositoryPaths.TinyModel, options, prompt.Ids, prompt.GreedyTokens.Length);
        Assert.All(tokens, found => Assert.Equal(prompt.GreedyTokens, found));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void Deterministic_AnyNumberOfRanks_GivesTheSameBits(int ranks)
    {
        GoldenPrompt prompt = Prompt("long");
        EngineOptions options = new() { Deterministic = true, BatchTokens = 48 };
        float[][] expected = SessionRunner.Logits(1, model.ModelPath, options, prompt.Ids, maxTokens: 8);
        float[][] found = SessionRunner.Logits(ranks, model.ModelPath, options, prompt.Ids, maxTokens: 8);
        Assert.Equal(expected.Length, found.Length);
        for (int position = 0; position < expected.Length; position++)
            Assert.True(expected[position].AsSpan().SequenceEqual(found[position]), $"position {position} differs");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Perplexity_EveryGoldenWindow_AgreesWithTheReference(int ranks)
    {
        TinyModelGolden golden = TinyModelGolden.Instance;
        SessionRunner.Run(ranks, model.ModelPath, new EngineOptions(), session =>
        {
            PerplexityMeter meter = new(session);
            for (int window = 0; window < golden.PerplexityWindows.Count; window++)
                Assert.Equal(golden.WindowSums[window], meter.Score(golden.PerplexityWindows[window]).NegativeLogLikelihood, tolerance: 5e-3);
        });
    }

    [Fact]
    public void Counters_DecodeSteps_CountWhatTheStrategyCosts()
    {
        GoldenPrompt prompt = Prompt("short");
        SessionRunner.Run(2, model.ModelPath, new EngineOptions(), session =>
        {
            PhaseStatistics decode = new Generator(session, tokenizer: null)
                .Run(new GenerationRequest { PromptTokens = prompt.Ids, MaxTokens = 5 }).Decode;
            Assert.Equal(4, decode.Tokens);
            Assert.Equal(4 * session.Model.Config.LayerCount, decode.Layers);
            Assert.Equal(decode.Layers, decode.Allreduces);
            Assert.Equal(decode.Layers, decode.Collectives);
            Assert.InRange(decode.BusiestRankExperts, 2 * decode.Layers, 4 * decode.Layers);
            Assert.InRange(decode.OwnExperts, 0, decode.BusiestRankExperts);
        });
        SessionRunner.Run(2, model.ModelPath, new EngineOptions { Topology = Topology.Centralized, Loading = Loading.BusyFull }, session =>
        {
            PhaseStatistics decode = new Generator(session, tokenizer: null)
                .Run(new GenerationRequest { PromptTokens = prompt.Ids, MaxTokens = 5 }).Decode;
            // Two a layer, and one a step for the token.
            Assert.Equal((2 * decode.Layers) + decode.Tokens, decode.Collectives);
            Assert.Equal(8 * decode.Layers, decode.OwnExperts);
        });
    }

    [Fact]
    public void WeightBytes_MoreRanks_EachHoldsOnlyItsExperts()
    {
        long[] whole = WeightBytes(1);
        long[] quarters = WeightBytes(4);
        long expertBytes = 4L * 16 * 3 * 192 * 128 * 2;
        Assert.All(quarters, bytes => Assert.Equal(whole[0] - (expertBytes * 3 / 4), bytes));
    }

    private long[] WeightBytes(int ranks)
    {
        long[] bytes = new long[ranks];
        SessionRunner.Run(ranks, model.ModelPath, new EngineOptions(), session => bytes[session.World.Rank] = session.WeightBytes);
        return bytes;
    }
}
