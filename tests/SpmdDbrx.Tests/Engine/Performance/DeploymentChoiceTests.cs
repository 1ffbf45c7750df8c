using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Choice;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

/// <summary>What the program picks when its user names nothing, and what it says about it.</summary>
public sealed class DeploymentChoiceTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private static readonly int[] Apart = [0, 1, 2, 3];

    // Memory so slow that only the experts that ranks read matter, or a network so slow that only its latency does.
    private static readonly ClusterCalibration SlowMemory = Cluster(bytesPerSecond: 1e7, latencySeconds: 1e-6, memoryBytes: 1e12);
    private static readonly ClusterCalibration SlowNetwork = Cluster(bytesPerSecond: 1e12, latencySeconds: 1e-2, memoryBytes: 1e12);

    [Fact]
    public void Make_SlowMemoryOnSeparateHosts_SlicesDisplaceTheUsual()
    {
        DeploymentChoice choice = DeploymentChoice.Make(Job([0, 1]), SlowMemory);
        Assert.Equal("slices", choice.Chosen!.Alternative.Name);
        Assert.Equal("p-lr-d", choice.Chosen.StrategyName);
        Assert.Equal(Spread.EachOnce, choice.Usual!.Alternative.Spread);
        Assert.StartsWith("chose slices, p-lr-d: ", choice.Sentence(), StringComparison.Ordinal);
        Assert.Contains("; experts, each once ", choice.Sentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Make_SlowNetwork_TheUsualStays()
    {
        DeploymentChoice choice = DeploymentChoice.Make(Job(Apart), SlowNetwork);
        Assert.Same(choice.Usual, choice.Chosen);
        Assert.Equal(Spread.EachOnce, choice.Chosen!.Alternative.Spread);
        Assert.Contains(choice.Candidates, candidate => candidate is { StrategyName: "naive", Obstacle: null } && candidate.TokensPerSecond < choice.Chosen.TokensPerSecond);
        Assert.Contains("less than 10 % more displaces nothing", choice.Sentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Make_Deterministic_SlicesAreListedWithTheReasonAndAPlacementWithReplicasRuns()
    {
        DeploymentChoice choice = DeploymentChoice.Make(Job(Apart) with { Deterministic = true }, SlowMemory);
        Candidate slices = Assert.Single(choice.Candidates, candidate => candidate.Alternative.Spread == Spread.Slices);
        Assert.Contains("--deterministic", slices.Obstacle, StringComparison.Ordinal);
        Assert.True(choice.Chosen!.Alternative.Prediction.Deployment.Placement is { HasReplicas: true }, choice.Sentence());
    }

    [Fact]
    public void Make_FilesOfOwnExpertsOnly_TheUsualStaysAndTheMissingFileIsNamed()
    {
        JobConditions job = Job([0, 1]);
        bool[][] files = [.. Enumerable.Range(0, 2).Select(rank => Enumerable.Range(0, 16).Select(expert => expert / 8 == rank).ToArray())];
        DeploymentChoice choice = DeploymentChoice.Make(job with { Sharing = new HostSharing([0, 1], files) }, SlowMemory);
        Assert.Equal(Spread.EachOnce, choice.Chosen!.Alternative.Spread);
        Assert.All(choice.Candidates, candidate => Assert.Equal(candidate.Alternative.Spread == Spread.EachOnce, candidate.Obstacle is null));
        Assert.Contains("but rank 0 has no experts/expert-08.bin", choice.Sentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Make_TooLittleMemoryForReplicas_TheyHoldFewerExperts()
    {
        // Room for shared weights, cache and nine of sixteen experts: 590 kB each.
        double fixedBytes = DeploymentChoice.Make(Job([0, 1]), SlowMemory).Candidates[0].Alternative.Prediction.MemoryBytesPerNode - (8 * 589_824);
        DeploymentChoice choice = DeploymentChoice.Make(Job([0, 1]), Cluster(1e7, 1e-6, fixedBytes + (9.5 * 589_824)));
        Assert.Contains(choice.Candidates, candidate => candidate.Alternative.Name == "ring, 9 experts a node" && candidate.Obstacle is null);
        DeploymentChoice tight = DeploymentChoice.Make(Job([0, 1]), Cluster(1e7, 1e-6, fixedBytes));
        Assert.All(tight.Candidates, candidate => Assert.Contains("GiB a node", candidate.Obstacle, StringComparison.Ordinal));
        Assert.Same(tight.Usual, tight.Chosen);
    }

    [Fact]
    public void Make_SharingNotAllowed_TheExpertsOfAllRanksOfAHostCountAgainstItsMemory()
    {
        JobConditions job = Job([0, 0]) with { SharesExperts = false };
        Prediction once = DeploymentChoice.Make(job, SlowMemory).Usual!.Alternative.Prediction;
        Assert.Equal((1, 2), (once.Deployment.NodeCount, once.Deployment.RanksPerNode));
        DeploymentChoice choice = DeploymentChoice.Make(job, Cluster(1e7, 1e-6, once.MemoryBytesPerNode - 589_824));
        Assert.DoesNotContain(choice.Candidates, candidate => candidate.Alternative.Spread == Spread.SharedOnNode);
        // One expert more than there is room for, though each rank's eight would fit.
        Assert.Contains("GiB a node", choice.Usual!.Obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadOf_RanksOfAHostWithFilesOfTheirOwn_CountsBoth()
    {
        bool[] all = [.. Enumerable.Repeat(true, 16)];
        JobConditions job = Job([0, 0]), apart = job with { Sharing = new HostSharing([0, 1], [all, all], hostOfRank: [0, 0]) };
        ExpertPlacement everywhere = new(16, [.. Enumerable.Repeat(Enumerable.Range(0, 16).ToArray(), 2)]);
        ModelShape shape = ModelShape.From("tiny", job.Model.Config);
        Assert.Equal(16, (job.Common with { Placement = everywhere }).LoadOf(shape).HeldByNode);
        Assert.Equal(32, (apart.Common with { Placement = everywhere }).LoadOf(shape).HeldByNode);
    }

    [Fact]
    public void Make_UnstackedCheckpoint_ExcludesWhatNeedsPrestacking()
    {
        DeploymentChoice choice = DeploymentChoice.Make(Job([0, 1]) with { Model = ModelDirectory.Open(RepositoryPaths.TinyModel) }, SlowNetwork);
        Candidate busy = Assert.Single(choice.Candidates, candidate => candidate.StrategyName == "p-lb");
        Assert.Contains("prestacked", busy.Obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void Make_TwoHostsOfTwoRanks_SharedIsUsualAndCountsItsExactLoad()
    {
        DeploymentChoice choice = DeploymentChoice.Make(Job([0, 1, 0, 1]), SlowNetwork);
        Assert.Equal(Spread.SharedOnNode, choice.Usual!.Alternative.Spread);
        Deployment deployment = choice.Usual.Alternative.Prediction.Deployment;
        Assert.Equal(2, deployment.NodeCount);
        // Experts 0–3 and 8–11 lie on ranks 0 and 2.
        Assert.Equal([0, 2], deployment.Placement!.RanksOf(9).ToArray());
        // Two of four ranks share a host's: the busier host has 2.646 of 4 experts on average, each of its ranks half of them.
        ExpertLoad load = deployment.LoadOf(ModelShape.From("tiny", ModelDirectory.Open(model.ModelPath).Config));
        Assert.Equal(ExpectedPerRank(), load.Busiest, 1e-9);
        Assert.Equal(8, load.HeldByNode);

        static double ExpectedPerRank()
        {
            double sum = 0, count = 0;
            for (int mask = 0; mask < 1 << 16; mask++)
            {
                if (System.Numerics.BitOperations.PopCount((uint)mask) != 4)
                    continue;
                int first = System.Numerics.BitOperations.PopCount((uint)(mask & 0x0F0F));
                sum += Math.Max(first, 4 - first) / 2.0;
                count++;
            }
            return sum / count;
        }
    }

    [Theory]
    [InlineData(true, 0, 0)]
    [InlineData(true, 0, 0, 0, 0)]
    [InlineData(true, 0, 0, 0)]
    [InlineData(false, 0, 1)]
    [InlineData(false, 0, 0, 2, 2)]
    public void IsSettled_OnlyWhereEveryRankRunsItsEqualPart(bool settled, params int[] groups) => Assert.Equal(settled, Job(groups).IsSettled);

    [Fact]
    public void IsSettled_ThreeRanksThatEachRunWholeExperts_IsNot() => Assert.False((Job([0, 0, 0]) with { RunsTogether = false }).IsSettled);

    [Fact]
    public void IsSettled_SharingNotAllowed_IsNot() => Assert.False((Job([0, 0]) with { SharesExperts = false }).IsSettled);

    [Fact]
    public void Make_MoreRanksThanExperts_ChoosesWhatCanRun()
    {
        DeploymentChoice choice = DeploymentChoice.Make(Job([.. Enumerable.Range(0, 20)]), SlowNetwork);
        Assert.Null(choice.Usual);
        Assert.NotNull(choice.Chosen);
        Assert.DoesNotContain(choice.Candidates, candidate => candidate.Alternative.Spread == Spread.EachOnce);
    }

    /// <summary>A job whose ranks have all files.</summary>
    private JobConditions Job(int[] groups) => new()
    {
        Model = ModelDirectory.Open(model.ModelPath),
        Sharing = new HostSharing(groups, [.. groups.Select(_ => Enumerable.Repeat(true, 16).ToArray())]),
        SharesExperts = true,
        RunsTogether = true,
        Deterministic = false,
        ContextLength = 512,
        BatchTokens = 512,
    };

    private static ClusterCalibration Cluster(double bytesPerSecond, double latencySeconds, double memoryBytes) => new(
        Catalogue.Hardware("m2-ultra-192") with
        {
            MemoryBytesPerSecond = new Figure(bytesPerSecond, "test"),
            MemoryBytes = new Figure(memoryBytes, "test"),
            UsableMemoryBytes = new Figure(memoryBytes, "test"),
        },
        Catalogue.Network("10gbe") with { LatencySeconds = new Figure(latencySeconds, "test") },
        Catalogue.Software("ideal"),
        RanksPerNode: 1);
}
