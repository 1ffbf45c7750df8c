using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Tests.Model;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

/// <summary>A job as the performance model sees it.</summary>
public class DeploymentTests
{
    [Fact]
    public void Of_TwoRanksOnEachOfTwoHosts_HasStrategyPartitionAndNodes()
    {
        using TemporaryDirectory folder = new();
        EngineOptions options = new() { Topology = Topology.Centralized, Loading = Loading.OnDemand, Partition = Partition.Slices };
        Deployment deployment = Deployment.Of(Open(folder, ElementType.BFloat16), Sharing([0, 1, 0, 1]), options, placement: null);
        Assert.Equal((4, 2, 2), (deployment.RankCount, deployment.RanksPerNode, deployment.NodeCount));
        Assert.Equal((Strategy.Naive, Partition.Slices), (deployment.Strategy, deployment.Partition));
    }

    [Theory]
    [InlineData(ElementType.BFloat16, 2)]
    [InlineData(ElementType.Float16, 2)]
    [InlineData(ElementType.Float32, 4)]
    public void Of_ModelOfAType_AllItsWeightsAreReadInIt(ElementType type, double bytes)
    {
        using TemporaryDirectory folder = new();
        ModelDirectory model = Open(folder, type);
        ModelShape shape = ModelShape.From("small", model.Config);
        Hardware hardware = Catalogue.Hardware("m2-ultra-192") with { MemoryBytesPerSecond = new Figure(1, "test"), FlopPerSecond = new Figure(1e15, "test") };
        Prediction prediction = PerformanceModel.Predict(
            shape, hardware, Catalogue.Network("10gbe"), Catalogue.Software("ideal"), Deployment.Of(model, Sharing([0]), new EngineOptions(), placement: null), new Workload(1, 0) { CacheTokens = 0 });
        double readWeights = shape.LmHeadWeights + (shape.LayerCount * (shape.AttentionWeights + shape.RouterWeights + (shape.TopK * shape.ExpertWeights)));
        // One byte a second.
        Assert.Equal(bytes * readWeights, prediction.SecondsPerToken, 1e-6 * readWeights);
        Assert.Equal(bytes * shape.TotalWeights, prediction.MemoryBytesPerNode, 1e-6 * shape.TotalWeights);
    }

    private static ModelDirectory Open(TemporaryDirectory folder, ElementType type) =>
        ModelDirectory.Open(SmallCheckpoint.Write(folder["model"], SmallCheckpoint.Config with { WeightType = type }));

    /// <summary>Ranks that have all files.</summary>
    private static HostSharing Sharing(int[] hosts) =>
        new(hosts, [.. hosts.Select(_ => Enumerable.Repeat(true, SmallCheckpoint.Config.ExpertCount).ToArray())]);
}
