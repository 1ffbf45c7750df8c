using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;
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
        Assert.Equal(work.PromptBytes(16, depth: 8, batch) + work.LmHeadBytes + (result!.Samples[0].OwnExperts * work.ExpertBytes), 16 * result.BytesPerToken, 1e-3);
    }

    [Theory]
    [InlineData(Topology.Decentralized, new[] { 0, 0 }, 2, 1)]
    [InlineData(Topology.Decentralized, new[] { 0, 1, 0 }, 3, 2)]
    [InlineData(Topology.Centralized, new[] { 0, 0 }, 1, 1)]
    public void Run_Generation_CountsTheLmHeadOnceAHost(Topology topology, int[] hosts, int attentions, int lmHeads)
    {
        TokenWork work = new(ModelDirectory.Open(model.ModelPath).Config);
        InProcessWorld.Run(hosts, world =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, new EngineOptions { Topology = topology, ContextLength = 16 });
            using ModelBenchmark benchmark = new(session, probesMachine: false);
            BenchmarkResult result = benchmark.Run(new BenchmarkTest(IsPrompt: false, Tokens: 3, Depth: 2), repeats: 1);
            double experts = result.MeanExperts * hosts.Length * session.Model.Config.LayerCount * work.ExpertBytes;
            double expected = (attentions * work.GenerationBytes(3, depth: 2) / 3) + (lmHeads * work.LmHeadBytes) + experts;
            Assert.Equal(expected, result.BytesPerToken, 1e-3);
        });
    }

    [Theory]
    [InlineData(Topology.Decentralized, 1)]
    [InlineData(Topology.Centralized, 0)]
    public void Run_RanksThatWorkTogether_CountAttentionOnceATeam(Topology topology, int savedTeams)
    {
        ModelConfig config = ModelDirectory.Open(model.ModelPath).Config;
        double weights = (double)config.HiddenDim * (config.Attention.QkvDim + config.Attention.QueryDim) * config.WeightType.ElementBytes();
        // Three tokens behind two see 3, 4 and 5 keys and values.
        double attention = weights + (4 * 2 * config.Attention.KvDim * sizeof(float));
        double BytesOf(bool shares, bool prompt)
        {
            double bytes = 0;
            InProcessWorld.Run([0, 0, 1], world =>
            {
                using CpuDevice device = new(1);
                using RankSession session = RankSession.Open(world, device, model.ModelPath, new EngineOptions { Topology = topology, SharesExperts = shares, ContextLength = 32 });
                using ModelBenchmark benchmark = new(session, probesMachine: false);
                BenchmarkResult result = benchmark.Run(new BenchmarkTest(prompt, Tokens: prompt ? 16 : 3, Depth: 2), repeats: 1);
                double experts = result.MeanExperts * world.Size * config.LayerCount * new TokenWork(config).ExpertBytes / (prompt ? 16 : 1);
                if (world.Rank == 0)
                    bytes = result.BytesPerToken - experts;
            });
            return bytes;
        }
        Assert.Equal(savedTeams * config.LayerCount * attention, BytesOf(shares: false, prompt: false) - BytesOf(shares: true, prompt: false), 1e-3);
        Assert.Equal(BytesOf(shares: false, prompt: true), BytesOf(shares: true, prompt: true), 1e-3);
    }
}
