using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Generation;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Benchmarks;

public class BenchmarkResultTests
{
    [Fact]
    public void ShareOfRead_MachineThatSlowsDown_ComparesEachRepetitionWithTheProbesBesideIt()
    {
        // 1 GB a token; the machine halves its bandwidth after the second repetition, and the rate with it.
        BenchmarkResult result = Result(tokensPerSecond: [9, 9, 4.5], readGigabytes: [10, 10, 10, 0]);

        Assert.Equal(0.9, result.ShareOfRead, 12);
        Assert.Equal(9, result.MedianTokensPerSecond);
    }

    [Fact]
    public void Medians_EvenNumberOfRepetitions_AreTheMeanOfTheMiddleTwo()
    {
        BenchmarkResult result = Result(tokensPerSecond: [1, 2, 4, 100], readGigabytes: [10, 10, 20, 20, 40]);

        Assert.Equal(3, result.MedianTokensPerSecond);
        Assert.Equal(3e9, result.BytesPerSecond);
        Assert.Equal(20e9, result.Machine.ReadBytesPerSecond);
    }

    [Fact]
    public void Shares_DeviceWithoutProbe_AreZero()
    {
        BenchmarkResult result = Result([5], [1, 1]) with { Probes = [MachineRates.Unknown, MachineRates.Unknown] };

        Assert.Equal(0, result.ShareOfRead);
        Assert.Equal(0, result.ShareOfPeak);
        Assert.Equal(MachineRates.Unknown, result.Machine);
    }

    [Fact]
    public void Communication_OfSeveralRepetitions_IsPerLayer()
    {
        BenchmarkResult result = Result(tokensPerSecond: [1, 1, 1], readGigabytes: [1, 1, 1, 1]);

        // One layer a repetition.
        Assert.Equal(4, result.CommunicationsPerLayer);
        Assert.Equal(1000, result.PayloadBytesPerLayer);
    }

    private static BenchmarkResult Result(double[] tokensPerSecond, double[] readGigabytes) => new(
        new BenchmarkTest(IsPrompt: false, Tokens: 10, Depth: 0),
        [.. tokensPerSecond.Select(rate => new PhaseStatistics(10, 10 / rate, 0, 0, 1, 1, 1, 0, 0, 0))],
        BytesPerToken: 1e9,
        FlopPerToken: 1e9,
        BusiestExperts: 1,
        MeanExperts: 1,
        new LayerCommunication(Collectives: 12, PayloadBytes: 3000),
        [.. readGigabytes.Select(rate => new MachineRates(rate * 1e9, 1e12))]);
}
