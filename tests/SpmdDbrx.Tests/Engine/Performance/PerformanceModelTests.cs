using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class PerformanceModelTests
{
    private static readonly ModelShape Dbrx = Catalogue.Model("dbrx");
    private static readonly Hardware Mac = Catalogue.Hardware("m2-ultra-192");
    private static readonly Network Ethernet = Catalogue.Network("10gbe");
    private static readonly Software Ideal = Catalogue.Software("ideal");
    private static readonly Software Metal = Catalogue.Software("spmd-dbrx-metal");

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Predict_WithoutLosses_IsEquationOnePlusTheTermsItLeavesOut(int nodes)
    {
        Prediction prediction = Predict(Ideal, new Deployment { RankCount = nodes });
        double eq1 = LowerBound.Of(Dbrx, Mac, Ethernet, prediction.ExpertsPerLayer).Seconds;
        double leftOut = prediction.Terms.Where(term => term.Name is "LM head" or "KV cache" or "router").Sum(term => term.Seconds);
        Assert.InRange(leftOut, 1e-5, 0.005);
        Assert.Equal(eq1 + leftOut, prediction.SecondsPerToken, 9);
    }

    [Fact]
    public void Predict_GroupsAndTerms_AddUp()
    {
        Prediction prediction = Predict(Metal, new Deployment { RankCount = 4 });
        Assert.Equal(prediction.SecondsPerToken, Enum.GetValues<TermGroup>().Sum(prediction.SecondsOf), 12);
        Assert.All(prediction.Terms, term => Assert.NotEmpty(term.Formula));
    }

    [Fact]
    public void Predict_RankAloneReadsFaster_WaitsLessForTheBusiest()
    {
        // Two ranks of one memory of 800 GB/s: 1.354 experts each at 400 GB/s, then 1.292 of the busier one at 600.
        Deployment two = new() { RankCount = 2, RanksPerNode = 2, Strategy = new Strategy(Stacking.Prestacked, Topology.Decentralized, Loading.OnDemand) };
        Hardware mac = Mac with { AloneBytesPerSecond = new Figure(600e9, "test") };
        Prediction prediction = PerformanceModel.Predict(Dbrx, mac, Ethernet, Ideal, two, new Workload(128, 0));
        double expertBytes = 40 * Dbrx.ExpertWeights * 2;
        double busiest = two.LoadOf(Dbrx).Busiest;
        double expected = expertBytes * (((4 - busiest) / 400e9) + (((2 * busiest) - 4) / 600e9));
        Assert.Equal(2.646, busiest, 0.02);
        Assert.Equal(expected, Seconds(prediction, "expert weights, 2 a layer") + Seconds(prediction, "waiting for the busiest rank"), 9);
        Prediction alike = PerformanceModel.Predict(Dbrx, Mac, Ethernet, Ideal, two, new Workload(128, 0));
        Assert.Equal(expertBytes * (busiest - 2) / 400e9, Seconds(alike, "waiting for the busiest rank"), 9);
    }

    [Fact]
    public void Predict_RanksThatWorkTogether_ShareOutAttentionAndWaitForTheBusierNode()
    {
        Deployment apart = new()
        {
            RankCount = 4,
            RanksPerNode = 2,
            Strategy = new Strategy(Stacking.Prestacked, Topology.Decentralized, Loading.OnDemand),
            Placement = ExpertPlacement.Contiguous(16, 4).SharedWithinHosts([0, 0, 1, 1]),
        };
        Deployment together = apart with { RunsTogether = true };
        Hardware mac = Mac with { AloneBytesPerSecond = new Figure(600e9, "test") };
        Prediction before = PerformanceModel.Predict(Dbrx, mac, Ethernet, Ideal, apart, new Workload(128, 1000));
        Prediction after = PerformanceModel.Predict(Dbrx, mac, Ethernet, Ideal, together, new Workload(128, 1000));
        foreach (string term in new[] { "attention weights", "KV cache" })
            Assert.Equal(Seconds(before, term) / 2, Seconds(after, term), 9);
        // The busier of two nodes has 2.646 of 4 experts on average; its ranks, which read at 400 GB/s each to the end, run half of them each.
        Assert.Equal(2.646 / 2, together.LoadOf(Dbrx).Busiest, 0.001);
        Assert.Equal(40 * Dbrx.ExpertWeights * 2 * (together.LoadOf(Dbrx).Busiest - 1) / 400e9, Seconds(after, "waiting for the busiest rank"), 9);
        Assert.True((together with { Strategy = Strategy.PrestackedRouterAidedDecentralized }).AttentionShare == 1, "spare experts keep ranks apart");
        // Of three ranks the two of the fuller node count.
        Deployment uneven = together with { RankCount = 3, NodeOfRank = [0, 0, 1], Placement = ExpertPlacement.Contiguous(16, 3).SharedWithinHosts([0, 0, 1]) };
        Assert.Equal(0.5, uneven.AttentionShare);
        // Where one of a node's ranks holds other experts, none of them works with another.
        Deployment mixed = together with { RankCount = 3, RanksPerNode = 3, Placement = new ExpertPlacement(16, [[.. Enumerable.Range(0, 16)], [.. Enumerable.Range(0, 16)], [0]]) };
        Assert.False(mixed.HasTeams);
    }

    [Fact]
    public void Predict_LongerContext_CostsExactlyTheCacheBytes()
    {
        Deployment two = new() { RankCount = 2 };
        double shorter = Predict(Ideal, two, 1_000).SecondsPerToken;
        double longer = Predict(Ideal, two, 9_000).SecondsPerToken;
        Assert.Equal(8_000.0 * 40 * 2 * 1024 * 2 / 800e9, longer - shorter, 9);
    }

    [Fact]
    public void Predict_SplitAttention_ReadsItsShareAndPaysASecondAllReduce()
    {
        Prediction replicated = Predict(Ideal, new Deployment { RankCount = 4, Partition = Partition.Slices });
        Prediction split = Predict(Ideal, new Deployment { RankCount = 4, Partition = Partition.Slices, SplitsAttention = true });
        Assert.Equal(Seconds(replicated, "attention weights") / 4, Seconds(split, "attention weights"), 12);
        Assert.Equal(2 * replicated.SecondsOf(TermGroup.Communication), split.SecondsOf(TermGroup.Communication), 12);
        Assert.True(split.TokensPerSecond < replicated.TokensPerSecond); // MECHANISMS §2: pays only below 110–190 µs
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(250, false)]
    public void Predict_SplitAttention_PaysBelowTheLatencyOfMechanisms(double latencyMicroseconds, bool pays)
    {
        Network network = Ethernet with { LatencySeconds = new Figure(latencyMicroseconds * 1e-6, "test") };
        Deployment slices = new() { RankCount = 4, Partition = Partition.Slices };
        double replicated = PerformanceModel.Predict(Dbrx, Mac, network, Ideal, slices, Workload.Paper).TokensPerSecond;
        double split = PerformanceModel.Predict(Dbrx, Mac, network, Ideal, slices with { SplitsAttention = true }, Workload.Paper).TokensPerSecond;
        Assert.Equal(pays, split > replicated);
    }

    [Fact]
    public void Predict_FourBitWeights_ReadTheirShareOfTheBytesOnly()
    {
        Prediction full = Predict(Ideal, new Deployment { RankCount = 2 });
        Prediction four = Predict(Ideal, new Deployment { RankCount = 2, Weights = WeightFormat.Q4 });
        Assert.Equal(full.SecondsOf(TermGroup.Moe) * 4.5 / 16, four.SecondsOf(TermGroup.Moe), 12);
        Assert.Equal(Seconds(full, "LM head"), Seconds(four, "LM head"));
        Assert.InRange(four.MemoryBytesPerNode, full.MemoryBytesPerNode * 0.28, full.MemoryBytesPerNode * 0.32);
    }

    [Fact]
    public void Predict_TwoRanksOnOneNode_ShareItsBandwidth()
    {
        Network memory = Catalogue.Network("shared-memory");
        ExpertPlacement shared = ExpertPlacement.Contiguous(16, 2).SharedWithinHosts([0, 0]);
        Prediction one = PerformanceModel.Predict(Dbrx, Mac, memory, Ideal, new Deployment { RankCount = 1 }, Workload.Paper);
        Prediction two = PerformanceModel.Predict(Dbrx, Mac, memory, Ideal, new Deployment { RankCount = 2, RanksPerNode = 2, Placement = shared }, Workload.Paper);
        Assert.Equal(2, two.ExpertsPerLayer, 12);
        Assert.Equal(one.SecondsOf(TermGroup.Moe), two.SecondsOf(TermGroup.Moe), 12);
        Assert.Equal(2 * Seconds(one, "attention weights"), Seconds(two, "attention weights"), 12);
        Assert.Equal(Seconds(one, "LM head"), Seconds(two, "LM head"), 12);
        Deployment centralized = new() { RankCount = 2, RanksPerNode = 2, Placement = shared, Strategy = Strategy.PrestackedBusyFull };
        Assert.Equal(2 * Seconds(one, "LM head"), Seconds(PerformanceModel.Predict(Dbrx, Mac, memory, Ideal, centralized, Workload.Paper), "LM head"), 12);
        Assert.Equal(one.MemoryBytesPerNode, two.MemoryBytesPerNode, 1e9);
    }

    [Fact]
    public void Predict_LargeBatchOfPromptTokens_IsBoundByArithmetic()
    {
        Prediction prediction = PerformanceModel.Predict(Dbrx, Mac, Ethernet, Ideal, new Deployment { RankCount = 1 }, new Workload(8_192, 8_192));
        double flop = 2.0 * 8_192 * 40 * (Dbrx.AttentionWeights + (4 * Dbrx.ExpertWeights));
        Assert.InRange(prediction.PromptSeconds, flop / 54.4e12, 1.15 * flop / 54.4e12);
    }

    [Fact]
    public void Predict_PromptOfSeveralBatches_ReadsWeightsOnceABatchAndTheLmHeadOnce()
    {
        Hardware slow = Mac with { MemoryBytesPerSecond = new Figure(1, "test"), FlopPerSecond = new Figure(1e30, "test") };
        // 2,000 tokens select every expert.
        double Seconds(int tokens, int depth = 0) => PerformanceModel.Predict(
            Dbrx, slow, Ethernet, Ideal, new Deployment { RankCount = 1 }, new Workload(tokens, 1) { BatchTokens = 2_000, PromptDepth = depth }).PromptSeconds;
        double head = 2.0 * Dbrx.LmHeadWeights, batch = 40 * 2.0 * (Dbrx.AttentionWeights + (16 * Dbrx.ExpertWeights));
        double cacheOfToken = 40 * 2 * Dbrx.KvDim * Ideal.KvBytesPerValue.Value;
        Assert.Equal(head + batch + (2_000 * cacheOfToken), Seconds(2_000), 1e-9 * batch);
        Assert.Equal(head + (3 * batch) + ((2_000 + 4_000 + 5_000) * cacheOfToken), Seconds(5_000), 1e-9 * batch);
        Assert.Equal(head + batch + (9_000 * cacheOfToken), Seconds(2_000, depth: 7_000), 1e-9 * batch);
    }

    [Fact]
    public void Predict_PromptBehindOthers_MeetsTheirKeysAndValues()
    {
        Hardware weak = Mac with { MemoryBytesPerSecond = new Figure(1e30, "test"), FlopPerSecond = new Figure(1, "test") };
        double Flop(int batch, int depth) => PerformanceModel.Predict(
            Dbrx, weak, Ethernet, Ideal, new Deployment { RankCount = 1 }, new Workload(64, 1) { BatchTokens = batch, PromptDepth = depth }).PromptSeconds;
        // Two multiply-adds a feature: with the key and with the value.
        double added = 40.0 * 4 * Dbrx.HeadCount * Dbrx.HeadDim * 64 * 1_000;
        Assert.Equal(added, Flop(64, depth: 1_000) - Flop(64, depth: 0), 1e-6 * added);
        Assert.Equal(Flop(64, depth: 1_000), Flop(16, depth: 1_000), 1e-9 * Flop(64, depth: 1_000));
    }

    [Fact]
    public void Predict_OneNode_HasNoCommunication() =>
        Assert.Equal(0, Predict(Metal, new Deployment { RankCount = 1 }).SecondsOf(TermGroup.Communication));

    [Fact]
    public void TotalWeights_Dbrx_Is132Billion() => Assert.Equal(131.6e9, Dbrx.TotalWeights, 0.1e9);

    [Fact]
    public void RequireFit_TooLittleMemory_NamesModelHardwareAndSizes()
    {
        Hardware small = Catalogue.Hardware("m4-max-128");
        Prediction prediction = PerformanceModel.Predict(Dbrx, small, Ethernet, Metal, new Deployment { RankCount = 2 }, Workload.Paper);
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => PerformanceModel.RequireFit(prediction, Dbrx, small));
        Assert.Contains("dbrx in bf16 on 2 of m4-max-128 needs 127", error.Message, StringComparison.Ordinal);
        Assert.Contains("usable_memory_gib is 96.0", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "nodes: expected at least 1")]
    [InlineData(17, "ranks: expected 1 to 16")]
    public void Predict_ImpossibleNodes_IsAnError(int nodes, string expected)
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => Predict(Ideal, new Deployment { RankCount = nodes }));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Predict_PlacementForAnotherWorld_IsAnError() =>
        Assert.Throws<InvalidInputException>(() => Predict(Ideal, new Deployment { RankCount = 3, Placement = ExpertPlacement.Contiguous(16, 4) }));

    [Fact]
    public void Cost_TwoMacStudios_CountsPricePowerAndYears()
    {
        Cost cost = Predict(Ideal, new Deployment { RankCount = 2 }).Cost!;
        double tokensPerSecond = cost.TokensPerSecondPerUsd * 13_198;
        double hours = 3 * 365.25 * 24;
        double usd = 13_198 + (hours * 2 * 0.295 * 0.15);
        Assert.Equal(13_198, cost.PriceUsd);
        Assert.Equal(usd / (tokensPerSecond * hours * 3_600) * 1e6, cost.UsdPerMillionTokens, 6);
        Assert.Equal(1e6 / cost.UsdPerMillionTokens, cost.TokensPerUsd, 6);
    }

    private static Prediction Predict(Software software, Deployment deployment, int contextTokens = 192) =>
        PerformanceModel.Predict(Dbrx, Mac, Ethernet, software, deployment, new Workload(128, contextTokens));

    private static double Seconds(Prediction prediction, string term) => prediction.Terms.Single(candidate => candidate.Name == term).Seconds;
}
