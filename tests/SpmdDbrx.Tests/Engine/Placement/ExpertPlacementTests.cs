using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Placement;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Placement;

public class ExpertPlacementTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(61)]
    public void Contiguous_AnyRankCount_HoldsEveryExpertOnceInSizesThatDifferByAtMostOne(int expertCount)
    {
        for (int rankCount = 1; rankCount <= expertCount; rankCount++)
        {
            ExpertPlacement placement = ExpertPlacement.Contiguous(expertCount, rankCount);
            int[] sizes = [.. Enumerable.Range(0, rankCount).Select(rank => placement.ExpertsOf(rank).Length)];
            int[] experts = [.. Enumerable.Range(0, rankCount).SelectMany(rank => placement.ExpertsOf(rank).ToArray())];
            Assert.Equal(Enumerable.Range(0, expertCount), experts);
            Assert.InRange(sizes.Max() - sizes.Min(), 0, 1);
            Assert.False(placement.HasReplicas);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(17)]
    public void Contiguous_ImpossibleRankCount_NamesTheRange(int rankCount)
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => ExpertPlacement.Contiguous(16, rankCount));
        Assert.Contains("1 to 16", error.Message, StringComparison.Ordinal);
        Assert.Contains($"found {rankCount}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ring_FiveRanks_StartsAtFloorOfExpertsTimesRankOverRanks()
    {
        ExpertPlacement placement = ExpertPlacement.Ring(16, 5, 8);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], placement.ExpertsOf(0).ToArray());
        Assert.Equal([3, 4, 5, 6, 7, 8, 9, 10], placement.ExpertsOf(1).ToArray());
        Assert.Equal([0, 1, 2, 3, 12, 13, 14, 15], placement.ExpertsOf(4).ToArray());
        Assert.Equal([0, 1, 4], placement.RanksOf(3).ToArray());
    }

    [Fact]
    public void Ring_UnequalMemory_FillsEveryRankAndHoldsEveryExpert()
    {
        int[][] cases = [[1, 15], [3, 3, 10], [16, 1], [5, 5, 5, 1], [40, 2], [1, 1, 1, 13, 7]];
        foreach (int[] slots in cases)
        {
            ExpertPlacement placement = ExpertPlacement.Ring(16, slots);
            for (int rank = 0; rank < slots.Length; rank++)
                Assert.Equal(Math.Min(16, slots[rank]), placement.ExpertsOf(rank).Length);
        }
    }

    [Theory]
    [InlineData(3, 5, "15 experts together, fewer than the model's 16")]
    [InlineData(4, 0, "rank 0: expected at least 1, found 0")]
    [InlineData(4, -2, "found -2")]
    [InlineData(0, 8, "expected at least one, found none")]
    public void Ring_InfeasibleMemory_SaysWhatIsMissing(int rankCount, int expertsPerRank, string expected)
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => ExpertPlacement.Ring(16, rankCount, expertsPerRank));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SharedWithinHosts_TwoHosts_EveryRankHoldsItsHostsExperts()
    {
        ExpertPlacement placement = ExpertPlacement.Contiguous(16, 4).SharedWithinHosts([0, 1, 0, 1]);
        Assert.Equal([0, 1, 2, 3, 8, 9, 10, 11], placement.ExpertsOf(0).ToArray());
        Assert.Equal(placement.ExpertsOf(0).ToArray(), placement.ExpertsOf(2).ToArray());
        Assert.Equal([4, 5, 6, 7, 12, 13, 14, 15], placement.ExpertsOf(3).ToArray());
        Assert.Equal([1, 3], placement.RanksOf(4).ToArray());
    }

    [Theory]
    [InlineData("[[0, 1], []]", "ranks[1]: expected at least one expert")]
    [InlineData("[[0, 1], [2, 2]]", "ranks[1]: expert 2 is listed twice")]
    [InlineData("[[0, 1], [2]]", "expert 3 is held by no rank")]
    [InlineData("[[0, 1], [2, 4]]", "ranks[1][1]: expected a whole number from 0 to 3, found 4")]
    [InlineData("[[0, 1], [2, \"3\"]]", "ranks[1][1]: expected a whole number from 0 to 3, found \"3\"")]
    [InlineData("[[0, 1], 7]", "ranks[1]: expected an array")]
    [InlineData("[[0, 1, 2, 3]]", "ranks: expected 2 lists, one per rank, found 1")]
    public void File_BadRanks_NamesFileAndField(string ranks, string expected) =>
        AssertRefused($$"""{"format": "spmd-dbrx-placement/1", "experts": 4, "ranks": {{ranks}}}""", expected);

    [Theory]
    [InlineData("""{"format": "spmd-dbrx-placement/2", "experts": 4, "ranks": []}""", "format: expected \"spmd-dbrx-placement/1\"")]
    [InlineData("""{"format": "spmd-dbrx-placement/1", "experts": 5, "ranks": []}""", "experts: expected 4, the model's number, found 5")]
    [InlineData("""{"format": "spmd-dbrx-placement/1", "experts": -1, "ranks": []}""", "experts: expected a whole number from 1")]
    [InlineData("""{"format": "spmd-dbrx-placement/1", "experts": 4}""", "ranks: missing")]
    [InlineData("""{"format": "spmd-dbrx-placement/1", "experts": 4, "ranks": [], "rank": []}""", "rank: unknown field")]
    [InlineData("""{"format": "spmd-dbrx-placement/1", "experts": 4, "experts": 4}""", "not valid JSON")]
    [InlineData("[1, 2]", "top level: expected an object")]
    [InlineData("", "not valid JSON")]
    public void File_BadField_NamesFileAndField(string text, string expected) => AssertRefused(text, expected);

    [Fact]
    public void File_Missing_NamesTheFile()
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => ExpertPlacementFile.Load("no/such/placement.json"));
        Assert.StartsWith("no/such/placement.json: cannot be read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_SavedAndLoaded_IsTheSamePlacement()
    {
        string file = Path.GetTempFileName();
        try
        {
            ExpertPlacement placement = ExpertPlacement.Ring(16, [8, 5, 9]);
            File.WriteAllText(file, ExpertPlacementFile.ToJson(placement, 2.0143, "made by \"a test\""));
            ExpertPlacement loaded = ExpertPlacementFile.Load(file, expertCount: 16, rankCount: 3);
            for (int rank = 0; rank < 3; rank++)
                Assert.Equal(placement.ExpertsOf(rank).ToArray(), loaded.ExpertsOf(rank).ToArray());
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void AssertRefused(string text, string expected)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, text);
            InvalidInputException error = Assert.Throws<InvalidInputException>(() => ExpertPlacementFile.Load(file, expertCount: 4, rankCount: 2));
            Assert.StartsWith(file, error.Message, StringComparison.Ordinal);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
