using SpmdDbrx.Cli.Benchmarks;
using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Tests.Engine;
using Xunit;

namespace SpmdDbrx.Tests.Cli;

public sealed class BenchPredictionTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private static readonly ClusterCalibration Cluster = new(
        Catalogue.Hardware("m2-ultra-192") with { MemoryBytesPerSecond = new Figure(1e7, "test") }, Network: null, Catalogue.Software("ideal"), RanksPerNode: 1);

    [Theory]
    [InlineData(true, 4, 0)]
    [InlineData(true, 16, 0)]
    [InlineData(true, 4, 40)]
    [InlineData(false, 16, 40)]
    public void Of_BatchAndDepth_AreTheWorkloadOfTheModel(bool isPrompt, int batch, int depth)
    {
        double predicted = 0;
        Prediction? expected = null;
        SessionRunner.Run(1, model.ModelPath, new EngineOptions { BatchTokens = batch, ContextLength = 64 }, session =>
        {
            using ModelBenchmark benchmark = new(session, probesMachine: false);
            predicted = BenchPrediction.Of(session, Cluster, benchmark.Run(new BenchmarkTest(isPrompt, 16, depth), repeats: 1)).TokensPerSecond;
            expected = PerformanceModel.Predict(
                ModelShape.From("tiny", session.Model.Config), Cluster.Hardware, Catalogue.Network("10gbe"), Cluster.Software, new Deployment { RankCount = 1 },
                new Workload(16, depth + 8) { BatchTokens = batch, PromptDepth = depth });
        });
        Assert.Equal(isPrompt ? expected!.PromptTokensPerSecond : expected!.TokensPerSecond, predicted, 9);
    }

    [Fact]
    public void Of_MachineChangesBetweenRepetitions_EachIsPredictedFromTheProbesBesideIt()
    {
        BenchPrediction? prediction = null;
        SessionRunner.Run(1, model.ModelPath, new EngineOptions { ContextLength = 64 }, session =>
        {
            // Three repetitions on a machine that slows down to a tenth in between, each as fast as its probes allow.
            double[] bandwidths = [1e9, 1e9, 1e8, 1e8];
            BenchmarkTest test = new(IsPrompt: false, Tokens: 10, Depth: 0);
            BenchmarkResult result = new(
                test, [.. ((double[])[1e9, 5.5e8, 1e8]).Select(rate => new PhaseStatistics(10, 1e10 / rate, 0, 0, 1, 1, 1, 0, 0, 0))],
                BytesPerToken: 1, FlopPerToken: 1, BusiestExperts: 1, MeanExperts: 1, new LayerCommunication(1, 1),
                [.. bandwidths.Select(rate => new MachineRates(rate, 1e15))]);
            prediction = BenchPrediction.Of(session, Cluster, result);
            double expected = BenchPrediction.Of(session, Cluster with { Hardware = Cluster.Hardware with { MemoryBytesPerSecond = new Figure(5.5e8, "test") } },
                result with { Probes = [.. Enumerable.Repeat(MachineRates.Unknown, 4)] }).TokensPerSecond;
            Assert.Equal(expected, prediction.TokensPerSecond, 0.001 * expected);
            Assert.Equal(expected / (10 / (1e10 / 5.5e8)) - 1, prediction.Error, 1e-3 * prediction.Error);
        });
    }
}
