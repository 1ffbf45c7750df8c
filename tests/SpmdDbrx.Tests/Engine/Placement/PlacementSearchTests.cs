using System.Diagnostics;
using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Placement;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Placement;

public class PlacementSearchTests
{
    private static readonly RoutingDistribution Dbrx = RoutingDistribution.Uniform(16, 4, 10_000, seed: 1);

    [Theory] // MECHANISMS §2: best known with at most 8 experts a node
    [InlineData(2, 2.6462)]
    [InlineData(3, 2.0143)]
    [InlineData(4, 1.1604)]
    [InlineData(5, 1.0011)]
    [InlineData(6, 1.0)]
    [InlineData(8, 1.0)]
    public void Run_EightExpertsANode_ReachesTheBestKnown(int rankCount, double bestKnown)
    {
        Stopwatch watch = Stopwatch.StartNew();
        ExpertPlacement placement = PlacementSearch.Run(Dbrx, [.. Enumerable.Repeat(8, rankCount)], seed: 1);
        Assert.InRange(ExpectedMaxLoad.Of(placement, Dbrx).Mean, 1, bestKnown + 0.00005);
        Assert.All(Enumerable.Range(0, rankCount), rank => Assert.InRange(placement.ExpertsOf(rank).Length, 1, 8));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 60);
    }

    [Fact]
    public void Run_SameSeed_GivesTheSamePlacement()
    {
        string first = ExpertPlacementFile.ToJson(PlacementSearch.Run(Dbrx, [8, 8, 8, 8], seed: 5, steps: 2_000, restarts: 2));
        string second = ExpertPlacementFile.ToJson(PlacementSearch.Run(Dbrx, [8, 8, 8, 8], seed: 5, steps: 2_000, restarts: 2));
        Assert.Equal(first, second);
    }

    [Fact]
    public void Run_UnequalMemory_UsesItAndBeatsTheRing()
    {
        int[] slots = [12, 8, 6, 4];
        ExpertPlacement placement = PlacementSearch.Run(Dbrx, slots, seed: 1, steps: 10_000, restarts: 2);
        Assert.Equal(slots, Enumerable.Range(0, 4).Select(rank => placement.ExpertsOf(rank).Length));
        double ring = ExpectedMaxLoad.Of(ExpertPlacement.Ring(16, slots), Dbrx).Mean;
        Assert.InRange(ExpectedMaxLoad.Of(placement, Dbrx).Mean, 1, ring - 0.01);
    }

    [Fact]
    public void Run_EightExpertsTopTwo_FindsOneExpertARankWhereThreeRanksHoldFive()
    {
        RoutingDistribution mixtral = RoutingDistribution.Uniform(8, 2, 10_000, seed: 1);
        ExpertPlacement placement = PlacementSearch.Run(mixtral, [5, 5, 5], seed: 1, steps: 5_000);
        // 15 slots, 8 experts: at least one expert stands alone, and two that do on one rank would clash: one each on three ranks.
        Assert.Equal(1.0, ExpectedMaxLoad.Of(placement, mixtral).Mean, 12);
    }

    [Fact]
    public void Run_SixtyFourExpertsTopSix_IsBetterThanTheRingOnAnIndependentSample()
    {
        RoutingDistribution routing = RoutingDistribution.Uniform(64, 6, 4_000, seed: 1);
        RoutingDistribution fresh = RoutingDistribution.Uniform(64, 6, 40_000, seed: 2);
        int[] slots = [24, 24, 24, 24];
        ExpertPlacement placement = PlacementSearch.Run(routing, slots, seed: 1, steps: 4_000, restarts: 1);
        double ring = ExpectedMaxLoad.Of(ExpertPlacement.Ring(64, slots), fresh).Mean;
        Assert.InRange(ExpectedMaxLoad.Of(placement, fresh).Mean, 1, ring - 0.01);
    }

    [Fact]
    public void Run_RecordedRouting_SeparatesExpertsThatAreSelectedTogether()
    {
        // Pairs (0,1), (2,3), … always occur together: contiguous halves of pairs clash in every selection.
        ushort[] selections = [.. Enumerable.Range(0, 400).SelectMany(token => new[] { (ushort)(token % 4 * 2), (ushort)((token % 4 * 2) + 1) })];
        RoutingDistribution routing = RoutingDistribution.FromTrace(new RoutingTrace(1, 8, 2, selections));
        Assert.Equal(2.0, ExpectedMaxLoad.Of(ExpertPlacement.Contiguous(8, 2), routing).Mean);
        ExpertPlacement placement = PlacementSearch.Run(routing, [4, 4], seed: 1, steps: 5_000);
        Assert.Equal(1.0, ExpectedMaxLoad.Of(placement, routing).Mean);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(2, 0)]
    [InlineData(65, 1)]
    public void Run_InfeasibleInput_IsOneClearError(int rankCount, int expertsPerRank)
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(
            () => PlacementSearch.Run(Dbrx, [.. Enumerable.Repeat(expertsPerRank, rankCount)], seed: 1));
        Assert.DoesNotContain('\n', error.Message);
    }
}
