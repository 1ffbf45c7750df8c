using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Benchmarks;

public sealed class ModelBenchmarkTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [Fact]
    public void Run_BusyFullOnThreeRanks_CountsTheBusiestRankOnEveryRank()
    {
        double[] busiest = new double[3];
        SessionRunner.Run(3, model.ModelPath, new EngineOptions { Topology = Topology.Centralized, Loading = Loading.BusyFull, ContextLength = 16 }, session =>
        {
            using ModelBenchmark benchmark = new(session, probesMachine: false);
            busiest[session.World.Rank] = benchmark.Run(new BenchmarkTest(IsPrompt: false, Tokens: 2, Depth: 0), repeats: 1).BusiestExperts;
        });
        // Of sixteen experts the ranks hold 5, 5 and 6.
        Assert.Equal([6, 6, 6], busiest);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(16)]
    public void Run_Prompt_CountsTheBytesOfTheSessionsBatchesAndOfTheExpertsThatRan(int batch)
    {
        ModelConfig config = ModelDirectory.Open(model.ModelPath).Config;
        BenchmarkResult? result = null;
        SessionRunner.Run(1, model.ModelPath, new EngineOptions { BatchTokens = batch, ContextLength = 64 }, session =>
        {
            using ModelBenchmark benchmark = new(session, probesMachine: false);
            result = benchmark.Run(new BenchmarkTest(IsPrompt: true, Tokens: 16, Depth: 8), repeats: 1);
        });
        TokenWork work = new(config);
        Assert.Equal(work.PromptBytes(16, depth: 8, batch) + (result!.Samples[0].OwnExperts * work.ExpertBytes), 16 * result.BytesPerToken, 1e-3);
    }
}
