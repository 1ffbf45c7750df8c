using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Placement;

/// <summary>Ranks of one host that map the same files run each other's experts; others do not.</summary>
public sealed class HostSharingTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private static readonly EngineOptions Shared = new() { SharesExperts = true };

    [Fact]
    public void Open_TwoHostsOfTwoRanks_RanksHoldWhatTheirHostHolds()
    {
        int[][] experts = ExpertsOf([0, 1, 0, 1], Shared, _ => model.ModelPath);
        Assert.Equal([.. Enumerable.Range(0, 4), .. Enumerable.Range(8, 4)], experts[0]);
        Assert.Equal(experts[0], experts[2]);
        Assert.Equal([.. Enumerable.Range(4, 4), .. Enumerable.Range(12, 4)], experts[1]);
        Assert.Equal(experts[1], experts[3]);
    }

    [Theory]
    [InlineData(false, Loading.OnDemand)]
    [InlineData(true, Loading.BusyFull)]
    public void Open_SwitchedOffOrBusyFull_StaysContiguous(bool shares, Loading loading)
    {
        int[][] experts = ExpertsOf([0, 0], new EngineOptions { SharesExperts = shares, Loading = loading }, _ => model.ModelPath);
        Assert.Equal(Enumerable.Range(0, 8), experts[0]);
        Assert.Equal(Enumerable.Range(8, 8), experts[1]);
    }

    [Fact]
    public void Open_SamePathSpeltOtherwise_IsShared() =>
        Assert.All(ExpertsOf([0, 0], Shared, rank => rank == 0 ? model.ModelPath : Path.Combine(model.ModelPath, "..", Path.GetFileName(model.ModelPath)) + "/"),
            experts => Assert.Equal(16, experts.Length));

    [Fact]
    public void Open_OtherDirectoryOnOneRank_ThatRankSharesNothing()
    {
        string copy = model.Copy("other-directory");
        int[][] experts = ExpertsOf([0, 0, 0, 0], Shared, rank => rank == 1 ? copy : model.ModelPath);
        Assert.Equal(Enumerable.Range(4, 4), experts[1]);
        Assert.Equal([.. Enumerable.Range(0, 4), .. Enumerable.Range(8, 8)], experts[0]);
    }

    [Fact]
    public void Share_NeighboursFileMissingForOneRank_ItsGroupStaysContiguous()
    {
        bool[][] files = [.. Enumerable.Range(0, 4).Select(_ => Enumerable.Repeat(true, 16).ToArray())];
        files[1][2] = false; // an expert of rank 0
        HostSharing sharing = new([0, 0, 2, 2], files);
        ExpertPlacement shared = sharing.Share(ExpertPlacement.Contiguous(16, 4));
        Assert.Equal(Enumerable.Range(0, 4), shared.ExpertsOf(0).ToArray());
        Assert.Equal(Enumerable.Range(4, 4), shared.ExpertsOf(1).ToArray());
        Assert.Equal(Enumerable.Range(8, 8), shared.ExpertsOf(2).ToArray());
    }

    [Fact]
    public void Open_OwnFileMissing_FailsAsWithoutSharing()
    {
        string incomplete = model.Copy("own-file");
        File.Delete(Path.Combine(incomplete, "experts", "expert-12.bin"));
        Exception?[] errors = OpenErrors(incomplete);
        Assert.IsType<PeerFailedException>(errors[0]);
        Assert.Contains("expert-12.bin: expected", Assert.IsType<InvalidModelException>(errors[1]).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void WeightBytes_SharedOnOneHost_AddUpToTheModelAndTheReplicas(int ranks)
    {
        long[] contiguous = new long[ranks];
        long[] shared = new long[ranks];
        SessionRunner.Run(ranks, model.ModelPath, new EngineOptions(), session => contiguous[session.World.Rank] = session.WeightBytes);
        SessionRunner.Run(ranks, model.ModelPath, Shared, session => shared[session.World.Rank] = session.WeightBytes);
        Assert.Equal(contiguous.Sum(), shared.Sum());
        Assert.InRange(shared.Max() - shared.Min(), 0, 16);
    }

    [Theory]
    [InlineData(2, false, Partition.Experts)]
    [InlineData(3, true, Partition.Experts)]
    [InlineData(4, false, Partition.Slices)]
    public void HostBytes_RanksOfOneHost_AddUpToTheModelAndTheirCaches(int ranks, bool shares, Partition partition)
    {
        long alone = 0;
        long cacheBytes = 0;
        long[] together = new long[ranks];
        SessionRunner.Run(1, model.ModelPath, new EngineOptions(), session =>
        {
            alone = session.HostBytes;
            cacheBytes = KvCache.BytesOf(session.Model.Config.LayerCount, session.Model.Config.Attention, session.ContextLength);
        });
        EngineOptions options = new() { SharesExperts = shares, Partition = partition };
        SessionRunner.Run(ranks, model.ModelPath, options, session => together[session.World.Rank] = session.HostBytes);
        Assert.Equal(alone + ((ranks - 1) * cacheBytes), together.Sum());
    }

    [Fact]
    public void Open_DamagedFile_IsFoundByWhicheverRankChecksIt()
    {
        foreach (int expert in new[] { 3, 12 })
        {
            string damaged = model.Copy($"damaged-{expert}");
            string file = Path.Combine(damaged, "experts", $"expert-{expert:D2}.bin");
            byte[] bytes = File.ReadAllBytes(file);
            bytes[bytes.Length / 3] ^= 1;
            File.WriteAllBytes(file, bytes);
            InvalidModelException error = Assert.Single(OpenErrors(damaged).OfType<InvalidModelException>());
            Assert.Contains($"expert-{expert:D2}.bin", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(2, Topology.Decentralized, Loading.OnDemand)]
    [InlineData(4, Topology.Decentralized, Loading.OnDemand)]
    [InlineData(4, Topology.Centralized, Loading.OnDemand)]
    [InlineData(3, Topology.Decentralized, Loading.RouterAided)]
    public void Generate_Shared_GivesTheGoldenTokensOnEveryRank(int ranks, Topology topology, Loading loading)
    {
        GoldenPrompt prompt = TinyModelGolden.Instance.Prompts.Single(candidate => candidate.Name == "long");
        EngineOptions options = Shared with { Topology = topology, Loading = loading, BatchTokens = 32 };
        int[][] tokens = SessionRunner.Generate(ranks, model.ModelPath, options, prompt.Ids, prompt.GreedyTokens.Length);
        Assert.All(tokens, ofRank => Assert.Equal(prompt.GreedyTokens, ofRank));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Counters_SharedOnOneHost_EveryRankRunsItsEqualPart(int ranks) =>
        SessionRunner.Run(ranks, model.ModelPath, Shared, session =>
        {
            for (int position = 0; position < 20; position++)
                session.Decoder.Forward([100 + position], position);
            double expected = 4.0 / ranks * session.ExpertCounters.Layers;
            Assert.Equal(expected, session.ExpertCounters.BusiestRank, 1e-9);
            Assert.Equal(expected, session.ExpertCounters.ThisRank, 1e-9);
        });

    [Fact]
    public void Counters_TwoHostsOfTwoRanks_TheBusierHostCounts() =>
        InProcessWorld.Run([0, 0, 1, 1], world =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, Shared);
            double busiest = 0;
            session.Decoder.OnRouting = (_, routing) =>
            {
                int onFirstHost = routing.Experts.ToArray().Count(expert => expert < 8);
                busiest += Math.Max(onFirstHost, 4 - onFirstHost) / 2.0;
            };
            for (int position = 0; position < 20; position++)
                session.Decoder.Forward([100 + position], position);
            Assert.Equal(busiest, session.ExpertCounters.BusiestRank);
        });

    [Fact]
    public void Counters_RankBesideATeam_AllCountTheSameBusiestRank()
    {
        double[] busiest = new double[3];
        InProcessWorld.Run([0, 0, 1], world =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, Shared);
            for (int position = 0; position < 20; position++)
                session.Decoder.Forward([100 + position], position);
            busiest[world.Rank] = session.ExpertCounters.BusiestRank;
        });
        Assert.Equal(busiest[0], busiest[1]);
        Assert.Equal(busiest[0], busiest[2]);
    }

    /// <summary>With top-4, four tokens take the sixteen assignments that devices can share.</summary>
    [Theory]
    [InlineData(1, true)]
    [InlineData(4, true)]
    [InlineData(5, false)]
    public void Teams_Batches_SmallOnesAreWorkedOnTogether(int tokens, bool together) =>
        SessionRunner.Run(3, model.ModelPath, Shared, session => Assert.Equal(together, session.Teams.WorkTogether(session.World.Rank, tokens)));

    /// <summary>Three hosts' parts of a sum are added in the order in which ranks hold them: always the same ranks.</summary>
    [Fact]
    public void Forward_TeamsOnThreeHosts_GivesTheSameBitsEveryTime()
    {
        float[] Logits()
        {
            float[] logits = [];
            InProcessWorld.Run([0, 1, 2, 0, 1, 2], world =>
            {
                using CpuDevice device = new(1);
                using RankSession session = RankSession.Open(world, device, model.ModelPath, Shared);
                for (int position = 0; position < 4; position++)
                    session.Decoder.Forward([100 + position], position);
                float[] row = session.Decoder.Logits(0, 1).Row(0).ToArray();
                if (world.Rank == 0)
                    logits = row;
            });
            return logits;
        }

        float[] first = Logits();
        for (int run = 0; run < 6; run++)
            Assert.Equal(first, Logits());
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    public void Teams_OnlyRanksThatShareFilesAndCutWorkAlike(bool shares, bool otherThreads, bool teamsUp)
    {
        EngineOptions options = new() { SharesExperts = shares };
        InProcessWorld.Run([0, 0, 1], world =>
        {
            using CpuDevice device = new(threads: otherThreads && world.Rank == 1 ? 2 : 1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, options);
            Assert.Equal(teamsUp ? 2 : 1, session.Teams.SizeOf(0));
            Assert.Equal(teamsUp, session.Teams.AreTogether(0, 1));
            Assert.Equal(1, session.Teams.SizeOf(2));
            Assert.Equal(shares && otherThreads && world.Rank < 2, session.TeamObstacle is not null);
        });
    }

    [Fact]
    public void Teams_PlacementThatGivesRanksOfAHostTheSameExperts_TeamUp()
    {
        ExpertPlacement placement = ExpertPlacement.ReplicatedGroups(16, 2, 1);
        SessionRunner.Run(2, model.ModelPath, new EngineOptions { Placement = placement }, session => Assert.True(session.Teams.AreTogether(0, 1)));
    }

    [Fact]
    public void Forward_TeamThatLosesARank_EndsOnAllRanks()
    {
        MpiException error = Assert.Throws<MpiException>(() => InProcessWorld.Run(2, world =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, Shared);
            session.Decoder.OnRouting = (_, _) => throw new InvalidOperationException("lost");
            if (world.Rank == 0)
                session.Decoder.OnRouting = null;
            session.Decoder.Forward([100], 0);
        }));
        Assert.Contains("rank 1: lost", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 48)]
    [InlineData(4, 48)]
    [InlineData(3, 3)]
    public void Deterministic_Shared_GivesTheBitsOfOneRank(int ranks, int batchTokens)
    {
        GoldenPrompt prompt = TinyModelGolden.Instance.Prompts.Single(candidate => candidate.Name == "long");
        EngineOptions options = Shared with { Deterministic = true, BatchTokens = batchTokens };
        float[][] alone = SessionRunner.Logits(1, model.ModelPath, options, prompt.Ids, maxTokens: 8);
        Assert.Equal(alone, SessionRunner.Logits(ranks, model.ModelPath, options, prompt.Ids, maxTokens: 8));
    }

    /// <summary>What opening a session throws on each of two ranks.</summary>
    private static Exception?[] OpenErrors(string modelPath)
    {
        Exception?[] errors = new Exception?[2];
        InProcessWorld.Run(2, world => errors[world.Rank] = Record.Exception(() =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, modelPath, Shared);
        }));
        return errors;
    }

    /// <summary>The experts that each rank holds.</summary>
    private static int[][] ExpertsOf(int[] hostOfRank, EngineOptions options, Func<int, string> modelPath)
    {
        int[][] experts = new int[hostOfRank.Length][];
        InProcessWorld.Run(hostOfRank, world =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, modelPath(world.Rank), options);
            experts[world.Rank] = session.Placement!.ExpertsOf(world.Rank).ToArray();
        });
        return experts;
    }
}
