using SpmdDbrx.Cli.Benchmarks;
using SpmdDbrx.Engine.Benchmarks;
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
    public void TokensPerSecond_BatchAndDepth_AreTheWorkloadOfTheModel(bool isPrompt, int batch, int depth)
    {
        double predicted = 0;
        Prediction? expected = null;
        SessionRunner.Run(1, model.ModelPath, new EngineOptions { BatchTokens = batch, ContextLength = 64 }, session =>
        {
            using ModelBenchmark benchmark = new(session, probesMachine: false);
            predicted = BenchPrediction.TokensPerSecond(session, Cluster, benchmark.Run(new BenchmarkTest(isPrompt, 16, depth), repeats: 1));
            expected = PerformanceModel.Predict(
                ModelShape.From("tiny", session.Model.Config), Cluster.Hardware, Catalogue.Network("10gbe"), Cluster.Software, new Deployment { RankCount = 1 },
                new Workload(16, depth + 8) { BatchTokens = batch, PromptDepth = depth });
        });
        Assert.Equal(isPrompt ? expected!.PromptTokensPerSecond : expected!.TokensPerSecond, predicted, 9);
    }
}
