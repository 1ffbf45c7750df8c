using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class AllReduceCostTests
{
    private static readonly Network Network = Catalogue.Network("10gbe") with
    {
        LatencySeconds = new Figure(1e-4, "test"),
        BytesPerSecond = new Figure(1e9, "test"),
    };

    [Theory]
    [InlineData(AllReduceAlgorithm.Direct, 4, 1, 3)]
    [InlineData(AllReduceAlgorithm.RecursiveDoubling, 2, 1, 1)]
    [InlineData(AllReduceAlgorithm.RecursiveDoubling, 8, 3, 3)]
    [InlineData(AllReduceAlgorithm.RecursiveDoubling, 3, 2, 2)]
    [InlineData(AllReduceAlgorithm.RecursiveDoubling, 6, 3, 3)]
    [InlineData(AllReduceAlgorithm.RecursiveDoubling, 7, 4, 4)]
    [InlineData(AllReduceAlgorithm.Ring, 4, 6, 1.5)]
    [InlineData(AllReduceAlgorithm.Ring, 2, 2, 1)]
    public void Of_KnownAlgorithms_CountsStepsAndBytes(AllReduceAlgorithm algorithm, int ranks, double latencies, double vectors)
    {
        AllReduceCost cost = AllReduceCost.Of(algorithm, ranks, 1e6, (ranks - 1) * 1e6, Network, messageSeconds: 0);
        Assert.Equal(latencies * 1e-4, cost.LatencySeconds, 12);
        Assert.Equal(vectors * 1e-3, cost.TransferSeconds, 12);
    }

    [Theory]
    [InlineData(1e3, AllReduceAlgorithm.RecursiveDoubling)]
    [InlineData(1e8, AllReduceAlgorithm.Ring)]
    public void Of_Fastest_TakesTheFasterOne(double vectorBytes, AllReduceAlgorithm expected) => Assert.Equal(
        AllReduceCost.Of(expected, 8, vectorBytes, 0, Network, 0),
        AllReduceCost.Of(AllReduceAlgorithm.Fastest, 8, vectorBytes, 0, Network, 0));

    [Theory]
    [InlineData(AllReduceAlgorithm.Direct)]
    [InlineData(AllReduceAlgorithm.RecursiveDoubling)]
    [InlineData(AllReduceAlgorithm.Ring)]
    public void Of_OneRank_CostsNothing(AllReduceAlgorithm algorithm) =>
        Assert.Equal(0, AllReduceCost.Of(algorithm, 1, 1e6, 0, Network, 1e-5).Seconds);
}
