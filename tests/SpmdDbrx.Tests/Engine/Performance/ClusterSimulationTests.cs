using System.Diagnostics;
using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Simulation;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class ClusterSimulationTests
{
    private static readonly ModelShape Dbrx = Catalogue.Model("dbrx");
    private static readonly Hardware Mac = Catalogue.Hardware("m2-ultra-192");
    private static readonly Software Metal = Catalogue.Software("spmd-dbrx-metal");
    private static readonly RoutingTrace Uniform = RoutingTrace.Synthetic(10, 40, 16, 4, seed: 1);

    private static SimulationScenario Scenario(int ranks) => new()
    {
        Model = Dbrx,
        Hardware = [Mac],
        Network = Catalogue.Network("10gbe"),
        Software = Metal,
        Deployment = new Deployment { RankCount = ranks },
        Trace = Uniform,
        ContextTokens = 192,
    };

    [Theory]
    [InlineData(1, Partition.Experts, false)]
    [InlineData(2, Partition.Experts, false)]
    [InlineData(4, Partition.Experts, false)]
    [InlineData(8, Partition.Experts, true)]
    [InlineData(16, Partition.Slices, false)]
    [InlineData(64, Partition.Slices, true)]
    public void Run_WithoutJitter_EqualsTheFormula(int ranks, Partition partition, bool splitsAttention)
    {
        Deployment deployment = new() { RankCount = ranks, Partition = partition, SplitsAttention = splitsAttention };
        SimulationResult simulated = ClusterSimulation.Run(Scenario(ranks) with { Deployment = deployment });
        Prediction formula = PerformanceModel.Predict(
            Dbrx, Mac, Catalogue.Network("10gbe"), Metal with { AllReduce = AllReduceAlgorithm.RecursiveDoubling },
            deployment with { Routing = RoutingDistribution.FromTrace(Uniform) }, Workload.Paper);
        Assert.Equal(formula.SecondsPerToken, simulated.SecondsPerToken, 9);
        Assert.Equal(formula.ExpertsPerLayer, simulated.ExpertsPerLayer, 9);
        Assert.Equal(formula.SecondsOf(TermGroup.Communication), simulated.CommunicationSecondsPerToken, 9);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Run_WithoutLosses_EqualsEquationOne(int ranks)
    {
        ModelShape onlyLayers = Dbrx with { VocabularySize = 1 }; // Eq. 1 knows neither LM head nor cache
        SimulationResult simulated = ClusterSimulation.Run(Scenario(ranks) with
        {
            Model = onlyLayers,
            Software = Catalogue.Software("ideal"),
            Deployment = new Deployment { RankCount = ranks, Placement = ExpertPlacement.ReplicatedGroups(16, ranks, 2) },
            ContextTokens = 0,
        });
        LowerBound bound = LowerBound.Of(onlyLayers, Mac, Catalogue.Network("10gbe"), simulated.ExpertsPerLayer);
        double routers = 40 * 2 * onlyLayers.RouterWeights / Mac.MemoryBytesPerSecond.Value; // nor this
        Assert.Equal(bound.Seconds + routers, simulated.SecondsPerToken, 6);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public void Run_RankCountThatIsNoPowerOfTwo_IsWithinOnePercentOfTheFormula(int ranks)
    {
        Deployment deployment = new() { RankCount = ranks, Partition = Partition.Slices };
        double simulated = ClusterSimulation.Run(Scenario(ranks) with { Deployment = deployment }).SecondsPerToken;
        double formula = PerformanceModel.Predict(Dbrx, Mac, Catalogue.Network("10gbe"), Metal with { AllReduce = AllReduceAlgorithm.RecursiveDoubling }, deployment, Workload.Paper).SecondsPerToken;
        Assert.InRange(simulated / formula, 0.99, 1.01);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(32)]
    public void Run_ExponentialJitter_WaitsForTheSlowestOfAllRanks(int ranks)
    {
        // The largest of N exponential delays is on average 1 + 1/2 + … + 1/N times their mean.
        SimulationScenario still = Scenario(ranks) with
        {
            Network = Catalogue.Network("10gbe") with { LatencySeconds = new Figure(0, "test"), BytesPerSecond = new Figure(1e18, "test") },
            Deployment = new Deployment { RankCount = ranks, Partition = Partition.Slices },
            Software = Catalogue.Software("ideal"),
            Model = Dbrx with { VocabularySize = 1 },
            AllReduce = AllReduceSchedule.Direct(ranks),
            Trace = RoutingTrace.Synthetic(50, 40, 16, 4, seed: 1),
        };
        double quiet = ClusterSimulation.Run(still).SecondsPerToken;
        double shaken = ClusterSimulation.Run(still with { ComputeJitter = 0.2 }).SecondsPerToken;
        SimulatedShares shares = SharesOf(still);
        // Attention and experts of a layer draw delays of their own; with slices experts shrink, so bound the two extremes.
        double harmonic = Enumerable.Range(1, ranks).Sum(rank => 1.0 / rank);
        double ifOneDelay = 1 + (0.2 * harmonic);
        double ifIndependent = 1 + (0.2 * Math.Sqrt((shares.Attention * shares.Attention) + (shares.Experts * shares.Experts)) * harmonic);
        Assert.InRange(shaken / quiet, 0.97 * ifIndependent, 1.03 * ifOneDelay);
    }

    [Fact]
    public void Run_OneStraggler_SlowsEveryTokenByItsComputation()
    {
        SimulationScenario scenario = Scenario(4) with { Deployment = new Deployment { RankCount = 4, Partition = Partition.Slices } };
        SimulationResult even = ClusterSimulation.Run(scenario);
        SimulationResult slow = ClusterSimulation.Run(scenario with { Stragglers = new Dictionary<int, double> { [2] = 1.5 } });
        double weightSeconds = even.ComputeSecondsPerToken - (40 * 3 * Metal.HandOverSeconds.Value);
        // The slow rank no longer waits for the others' last messages: up to one step's latency a layer is hidden.
        Assert.InRange(slow.SecondsPerToken, even.SecondsPerToken + (0.5 * weightSeconds) - 0.042, even.SecondsPerToken + (0.5 * weightSeconds) + 1e-9);
    }

    [Fact]
    public void Run_UnequalNodes_IsAtLeastAsSlowAsTheSlowestNodeAlone()
    {
        Hardware slow = Catalogue.Hardware("m4-max-128");
        SimulationScenario scenario = Scenario(2) with { Deployment = new Deployment { RankCount = 2, Partition = Partition.Slices } };
        double fastPair = ClusterSimulation.Run(scenario).SecondsPerToken;
        double mixed = ClusterSimulation.Run(scenario with { Hardware = [Mac, slow] }).SecondsPerToken;
        double slowPair = ClusterSimulation.Run(scenario with { Hardware = [slow] }).SecondsPerToken;
        Assert.InRange(mixed, fastPair, slowPair);
    }

    [Theory]
    [InlineData(Stacking.Unstacked, Loading.OnDemand, true)]
    [InlineData(Stacking.Unstacked, Loading.BusyFull, false)]
    [InlineData(Stacking.Prestacked, Loading.OnDemand, false)]
    [InlineData(Stacking.Prestacked, Loading.RouterAided, false)]
    public void Run_DriverThatUnwires_WiresAgainOnlyUnstackedMemoryUsedOnDemand(Stacking stacking, Loading loading, bool rewires)
    {
        SimulationResult result = ClusterSimulation.Run(Scenario(2) with
        {
            Software = Catalogue.Software("p1-mlx"),
            Deployment = new Deployment { RankCount = 2, Strategy = new Strategy(stacking, Topology.Decentralized, loading) },
        });
        Assert.Equal(rewires, result.Rewirings > 0);
        if (rewires)
            Assert.InRange(result.SecondsPerToken, 0.3, 1.2);
    }

    [Fact]
    public void Run_RarelySelectedExperts_RouterAidedQuotaKeepsThemWired()
    {
        // Experts 0–3 and 8–11 are always selected in turn; the others only by the last token.
        ushort[] selections = [.. Enumerable.Range(0, 12 * 40).SelectMany(index =>
            index / 40 == 11 ? new ushort[] { 4, 5, 12, 13 } : index % 2 == 0 ? [0, 1, 8, 9] : [2, 3, 10, 11])];
        SimulationScenario scenario = Scenario(2) with { Software = Catalogue.Software("p1-mlx"), Trace = new RoutingTrace(40, 16, 4, selections) };
        SimulationResult onDemand = ClusterSimulation.Run(scenario with { Deployment = With(Loading.OnDemand) });
        SimulationResult busyFull = ClusterSimulation.Run(scenario with { Deployment = With(Loading.BusyFull) });
        Assert.Equal(4, onDemand.Rewirings); // experts 4, 5, 12 and 13 had lain idle since the start
        Assert.Equal(0, busyFull.Rewirings);

        static Deployment With(Loading loading) => new() { RankCount = 2, Strategy = new Strategy(Stacking.Prestacked, Topology.Decentralized, loading) };
    }

    [Fact]
    public void Run_RouterAidedWithOneBusyRank_SpareQuotaKeepsIdleExpertsWired()
    {
        // Rank 0 always has 3 selected experts and rank 1 one: rank 1's two spare runs go round its other experts.
        ushort[] selections = [.. Enumerable.Range(0, 12 * 40).SelectMany(index => new ushort[] { 0, 1, 2, (ushort)(index / 40 == 11 ? 15 : 8) })];
        SimulationScenario scenario = Scenario(2) with { Software = Catalogue.Software("p1-mlx"), Trace = new RoutingTrace(40, 16, 4, selections) };
        SimulationResult routerAided = ClusterSimulation.Run(scenario);
        SimulationResult onDemand = ClusterSimulation.Run(scenario with
        {
            Deployment = new Deployment { RankCount = 2, Strategy = new Strategy(Stacking.Prestacked, Topology.Decentralized, Loading.OnDemand) },
        });
        Assert.Equal(0, routerAided.Rewirings);
        Assert.Equal(1, onDemand.Rewirings); // expert 15
        Assert.Equal(3, routerAided.ExpertsPerLayer, 9);
    }

    [Fact]
    public void Run_SameSeed_IsRepeatable()
    {
        SimulationScenario scenario = Scenario(4) with { ComputeJitter = 0.1, LatencyJitterSeconds = 1e-4 };
        Assert.Equal(ClusterSimulation.Run(scenario).TokenSeconds, ClusterSimulation.Run(scenario).TokenSeconds);
        Assert.NotEqual(ClusterSimulation.Run(scenario).TokenSeconds, ClusterSimulation.Run(scenario with { Seed = 2 }).TokenSeconds);
    }

    [Fact]
    public void Run_ThousandRanks_TakesSeconds()
    {
        Stopwatch watch = Stopwatch.StartNew();
        SimulationResult result = ClusterSimulation.Run(Scenario(1024) with
        {
            Deployment = new Deployment { RankCount = 1024, Partition = Partition.Slices },
            Trace = RoutingTrace.Synthetic(4, 40, 16, 4, seed: 1),
            ComputeJitter = 0.05,
        });
        Assert.Equal(4 * 40 * 1024 * 10, result.Messages);
        Assert.InRange(result.CommunicationSecondsPerToken, 0.4, 0.5); // ten steps of a millisecond in forty layers
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
    }

    [Fact]
    public void Run_CentralizedTopology_IsAnError()
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => ClusterSimulation.Run(Scenario(2) with
        {
            Deployment = new Deployment { RankCount = 2, Strategy = Strategy.Naive },
        }));
        Assert.Contains("decentralized", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_TraceOfAnotherModel_IsAnError() =>
        Assert.Throws<InvalidInputException>(() => ClusterSimulation.Run(Scenario(2) with { Trace = RoutingTrace.Synthetic(1, 4, 16, 4, seed: 1) }));

    private sealed record SimulatedShares(double Attention, double Experts);

    private static SimulatedShares SharesOf(SimulationScenario scenario)
    {
        double experts = (double)scenario.Model.TopK / scenario.Deployment.RankCount * scenario.Model.ExpertWeights;
        double total = scenario.Model.AttentionWeights + experts;
        return new SimulatedShares(scenario.Model.AttentionWeights / total, experts / total);
    }
}
