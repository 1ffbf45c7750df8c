using SpmdDbrx.Engine.Placement;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Placement;

public class ExpertAssignerTests
{
    public static TheoryData<int[]> Slots => new([8, 8], [8, 8, 8], [8, 8, 8, 8], [8, 8, 8, 8, 8], [4, 6, 9, 3], [16, 16, 16], [1, 15], [2, 2, 2, 2, 2, 2, 2, 2, 2]);

    [Theory]
    [MemberData(nameof(Slots))]
    public void Assign_OneToken_IsOptimalForEverySelectionAndUsesHoldersOnly(int[] slots)
    {
        ExpertPlacement placement = ExpertPlacement.Ring(16, slots);
        RoutingDistribution routing = RoutingDistribution.Uniform(16, 4, 10_000, seed: 1);
        ulong[] masks = ExpectedMaxLoad.Masks(placement);
        ExpertAssigner assigner = new(placement, pairsPerUnit: 8);
        int[] ranks = new int[4];
        for (int index = 0; index < routing.Count; index++)
        {
            int[] experts = [.. routing.Selection(index).ToArray().Select(expert => (int)expert)];
            assigner.Assign(experts, ranks);
            int[] loads = new int[slots.Length];
            for (int slot = 0; slot < 4; slot++)
            {
                Assert.Contains(ranks[slot], placement.RanksOf(experts[slot]).ToArray());
                loads[ranks[slot]]++;
            }
            Assert.Equal(ExpectedMaxLoad.OfSelection(routing.Selection(index), masks), loads.Max());
            Assert.Equal(loads.Max(), assigner.MaxExperts);
            Assert.Equal(loads, Enumerable.Range(0, slots.Length).Select(assigner.ExpertsRunBy));
        }
    }

    [Fact]
    public void Assign_SameExpertsInAnotherOrder_GivesEachExpertTheSameRank()
    {
        ExpertPlacement placement = ExpertPlacement.Ring(16, 5, 8);
        ExpertAssigner assigner = new(placement, pairsPerUnit: 8);
        ExpertAssigner onAnotherRank = new(placement, pairsPerUnit: 8);
        Random random = new(1);
        int[] ranks = new int[4];
        int[] otherRanks = new int[4];
        for (int trial = 0; trial < 500; trial++)
        {
            int[] experts = [.. Enumerable.Range(0, 16).OrderBy(_ => random.Next()).Take(4)];
            int[] shuffled = [.. experts.OrderBy(_ => random.Next())];
            assigner.Assign(experts, ranks);
            onAnotherRank.Assign(shuffled, otherRanks);
            Assert.Equal(experts.Zip(ranks).Order(), shuffled.Zip(otherRanks).Order());
        }
    }

    [Fact]
    public void Assign_BatchOfPairs_HasTheSmallestPossibleMaximum()
    {
        Random random = new(5);
        for (int trial = 0; trial < 300; trial++)
        {
            int rankCount = random.Next(2, 5);
            int[] slots = [.. Enumerable.Range(0, rankCount).Select(_ => random.Next(1, 8))];
            if (slots.Sum() < 8)
                continue;
            ExpertPlacement placement = ExpertPlacement.Ring(8, slots);
            int pairsPerUnit = random.Next(1, 5);
            int tokenCount = random.Next(1, 40);
            int[] experts = [.. Enumerable.Range(0, tokenCount).SelectMany(_ => Enumerable.Range(0, 8).OrderBy(_ => random.Next() % 3).Take(2))];
            int[] ranks = new int[experts.Length];
            new ExpertAssigner(placement, pairsPerUnit).Assign(experts, ranks);
            Assert.All(experts.Zip(ranks), pair => Assert.Contains(pair.Second, placement.RanksOf(pair.First).ToArray()));
            Assert.Equal(SmallestMaximum(placement, experts, pairsPerUnit), LargestUnits(experts, ranks, rankCount, pairsPerUnit));
        }
    }

    [Fact]
    public void Assign_SmallBatchWithUnits_DoesNotSplitAnExpertWhoseWeightsWouldBeReadTwice()
    {
        ExpertPlacement everythingOnBoth = ExpertPlacement.Ring(4, [4, 4]);
        int[] experts = [0, 1, 0, 1, 0, 1];
        int[] ranks = new int[6];
        ExpertAssigner assigner = new(everythingOnBoth, pairsPerUnit: 8);
        assigner.Assign(experts, ranks);
        Assert.Equal([0, 1, 0, 1, 0, 1], ranks);
        Assert.Equal(1, assigner.MaxExperts);
    }

    [Fact]
    public void Assign_OneExpertForWholeBatch_SplitsItOverItsHolders()
    {
        int[] experts = new int[100];
        int[] ranks = new int[100];
        ExpertAssigner assigner = new(ExpertPlacement.Ring(2, [2, 2, 2, 2]), pairsPerUnit: 5);
        assigner.Assign(experts, ranks);
        Assert.All(Enumerable.Range(0, 4), rank => Assert.Equal(25, ranks.Count(found => found == rank)));
    }

    [Fact]
    public void Assign_AfterFirstCall_AllocatesNothing()
    {
        ExpertAssigner assigner = new(ExpertPlacement.Ring(16, 4, 8), pairsPerUnit: 8);
        int[] experts = [1, 9, 4, 12, 3, 2, 1, 0, 15, 14, 13, 12];
        int[] ranks = new int[12];
        assigner.Assign(experts, ranks);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int repeat = 0; repeat < 100; repeat++)
        {
            assigner.Assign(experts.AsSpan(0, 4), ranks.AsSpan(0, 4));
            assigner.Assign(experts, ranks);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>Max-flow = min-cut: max over sets of experts of ⌈their units / ranks that hold any of them⌉.</summary>
    private static int SmallestMaximum(ExpertPlacement placement, int[] experts, int pairsPerUnit)
    {
        int worst = 0;
        for (int set = 1; set < 1 << placement.ExpertCount; set++)
        {
            int[] members = [.. Enumerable.Range(0, placement.ExpertCount).Where(expert => (set >> expert & 1) != 0)];
            int units = members.Sum(expert => (experts.Count(found => found == expert) + pairsPerUnit - 1) / pairsPerUnit);
            int holders = members.SelectMany(expert => placement.RanksOf(expert).ToArray()).Distinct().Count();
            worst = Math.Max(worst, (units + holders - 1) / holders);
        }
        return worst;
    }

    private static int LargestUnits(int[] experts, int[] ranks, int rankCount, int pairsPerUnit) =>
        Enumerable.Range(0, rankCount).Max(rank => experts.Zip(ranks)
            .Where(pair => pair.Second == rank)
            .GroupBy(pair => pair.First)
            .Sum(group => (group.Count() + pairsPerUnit - 1) / pairsPerUnit));
}
