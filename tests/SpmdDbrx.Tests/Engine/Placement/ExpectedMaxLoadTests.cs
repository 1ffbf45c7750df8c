using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Placement;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Placement;

public class ExpectedMaxLoadTests
{
    private static readonly RoutingDistribution Dbrx = RoutingDistribution.Uniform(16, 4, 10_000, seed: 1);

    [Theory] // MECHANISMS §2, table "Overlapped expert placement", column "paper's E"
    [InlineData(2, 4816.0 / 1820)]
    [InlineData(3, 4228.0 / 1820)]
    [InlineData(4, 2856.0 / 1820)]
    [InlineData(6, 1.0769)]
    [InlineData(8, 1.0)]
    public void ReplicatedHalves_UniformRouting_IsThePapersE(int rankCount, double expected)
    {
        ExpectedMaxLoad load = ExpectedMaxLoad.Of(ExpertPlacement.ReplicatedGroups(16, rankCount, 2), Dbrx);
        Assert.Equal(expected, load.Mean, 4);
        Assert.Equal(0, load.StandardError);
    }

    [Theory] // the same table, column "zero-search ring", and two nodes with 9 and 10 experts each
    [InlineData(2, 8, 2.646)]
    [InlineData(2, 9, 2.423)]
    [InlineData(2, 10, 2.253)]
    [InlineData(3, 8, 2.0143)]
    [InlineData(4, 8, 1.187)]
    [InlineData(5, 8, 1.0115)]
    [InlineData(6, 8, 1.0)]
    [InlineData(8, 8, 1.0)]
    public void Ring_UniformRouting_IsThePublishedE(int rankCount, int expertsPerRank, double expected)
    {
        double mean = ExpectedMaxLoad.Of(ExpertPlacement.Ring(16, rankCount, expertsPerRank), Dbrx).Mean;
        Assert.InRange(Math.Abs(mean - expected), 0, 0.0006);
    }

    [Fact]
    public void OfSelection_RandomPlacements_EqualsTheBestOfAllAssignments()
    {
        Random random = new(7);
        for (int trial = 0; trial < 2_000; trial++)
        {
            int rankCount = random.Next(1, 6);
            ulong[] masks = [.. Enumerable.Range(0, 6).Select(_ => (ulong)random.Next(1, 1 << rankCount))];
            ushort[] selected = [.. Enumerable.Range(0, 6).OrderBy(_ => random.Next()).Take(random.Next(1, 6)).Select(expert => (ushort)expert)];
            Assert.Equal(BestByTryingAll(selected, masks, rankCount), ExpectedMaxLoad.OfSelection(selected, masks));
        }
    }

    [Fact]
    public void Of_MoreThan64Ranks_AgreesWithTheSameLoadsOnFewer()
    {
        // 80 ranks in which only the first 4 hold more than the others' expert 0: the assigner's path against the masks' path.
        int[][] four = [[0, 1, 2, 3, 4, 5], [3, 4, 5, 6, 7], [0, 1, 6, 7], [2, 5]];
        int[][] eighty = [.. four, .. Enumerable.Repeat<int[]>([0], 76)];
        int[][] five = [.. four, [0]];
        RoutingDistribution routing = RoutingDistribution.Uniform(8, 3, 1_000, seed: 1);
        Assert.Equal(
            ExpectedMaxLoad.Of(new ExpertPlacement(8, five), routing).Mean,
            ExpectedMaxLoad.Of(new ExpertPlacement(8, eighty), routing).Mean, 12);
    }

    [Fact]
    public void Uniform_TooManySelections_DrawsASampleThatAgreesWithTheWholeWithinItsError()
    {
        ExpertPlacement placement = ExpertPlacement.ReplicatedGroups(16, 4, 2);
        RoutingDistribution sample = RoutingDistribution.Uniform(16, 4, 1_000, seed: 3);
        ExpectedMaxLoad estimate = ExpectedMaxLoad.Of(placement, sample);
        Assert.True(sample.IsSampled);
        Assert.InRange(Math.Abs(estimate.Mean - (2856.0 / 1820)), 0, 4 * estimate.StandardError);
        Assert.InRange(estimate.StandardError, 0.005, 0.05);
    }

    [Fact]
    public void Uniform_SixtyFourExperts_IsSampledAndSaysSo()
    {
        RoutingDistribution routing = RoutingDistribution.Uniform(64, 6, 5_000, seed: 1);
        Assert.Contains("5,000 selections drawn of 74,974,368", routing.Description, StringComparison.Ordinal);
        for (int index = 0; index < routing.Count; index++)
            Assert.Equal(6, routing.Selection(index).ToArray().Distinct().Count());
    }

    [Fact]
    public void FromTrace_CountsSelectionsWhateverTheirOrder()
    {
        RoutingTrace trace = new(layerCount: 2, expertCount: 4, topK: 2, experts: [3, 1, 0, 1, 1, 3, 1, 3]);
        RoutingDistribution routing = RoutingDistribution.FromTrace(trace);
        Assert.Equal(2, routing.Count);
        Assert.Equal([0, 1], routing.Selection(0).ToArray());
        Assert.Equal(1, routing.Weight(0));
        Assert.Equal([1, 3], routing.Selection(1).ToArray());
        Assert.Equal(3, routing.Weight(1));
    }

    [Theory]
    [InlineData(16, 17)]
    [InlineData(16, 0)]
    public void Uniform_ImpossibleTopK_IsAnError(int expertCount, int topK) =>
        Assert.Throws<InvalidInputException>(() => RoutingDistribution.Uniform(expertCount, topK, 100, seed: 1));

    private static int BestByTryingAll(ReadOnlySpan<ushort> selected, ulong[] masks, int rankCount)
    {
        return Try(selected, 0, new int[rankCount]);

        int Try(ReadOnlySpan<ushort> experts, int slot, int[] loads)
        {
            if (slot == experts.Length)
                return loads.Max();
            int best = int.MaxValue;
            for (int rank = 0; rank < rankCount; rank++)
            {
                if ((masks[experts[slot]] >> rank & 1) == 0)
                    continue;
                loads[rank]++;
                best = Math.Min(best, Try(experts, slot + 1, loads));
                loads[rank]--;
            }
            return best;
        }
    }
}
