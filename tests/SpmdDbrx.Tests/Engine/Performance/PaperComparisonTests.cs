using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Reports;
using SpmdDbrx.Engine.Session;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class PaperComparisonTests
{
    private static readonly PaperComparison Comparison = new();
    private static readonly PaperFigures Paper = PaperFigures.Load();

    [Fact]
    public void Table6_AllThirtyCells_AreAsPrinted()
    {
        Assert.Equal(30, Paper.Table6.Sum(row => row.Cells.Length));
        Assert.All(Paper.Table6, row => Assert.Equal(row.Cells, Comparison.BoundCells(row)));
    }

    [Theory] // MECHANISMS §3
    [InlineData("rocev2", 16.13)]
    [InlineData("infiniband", 16.28)]
    public void Figure8_OtherNetworks_AreAsComputedByHand(string network, double expected) =>
        Assert.Equal(expected, Comparison.BoundOnNetwork(network), 2);

    [Theory] // MECHANISMS §3: "With best placements", "Slices on 10 GbE"
    [InlineData("10gbe", Partition.Experts, "9.7 11.1 13.6 14.2 14.2 14.2")]
    [InlineData("infiniband", Partition.Experts, "16.3 20.5 31.3 34.8 34.8 34.8")]
    [InlineData("10gbe", Partition.Slices, "11.1 13.0 14.2 15.1 15.7 16.6")]
    public void BoundOf_TwoToEightNodes_IsAsPublished(string network, Partition partition, string expected)
    {
        int[] nodes = [2, 3, 4, 5, 6, 8];
        Assert.Equal(expected, string.Join(' ', nodes.Select(count => FormattableString.Invariant($"{Comparison.BoundOf(network, count, partition):F1}"))));
    }

    [Fact]
    public void Table5_RatiosAndAdvantage_AreAsPrinted()
    {
        ReportTable table = Comparison.Tables().Single(candidate => candidate.Name == "table_5").Table;
        Assert.Equal(["0.000389", "0.000447", "1.15"], table.Rows.Select(row => row[3]));
        Assert.All(table.Rows, row => Assert.Equal("none", row[5]));
    }

    [Fact]
    public void Tables3And4_FiveRows_AreWithinFifteenPercentOnAverage()
    {
        Assert.Equal(5, Paper.Tables3And4.Length);
        Assert.InRange(Comparison.MeanAbsoluteError(), 0, 0.15);
        Assert.All(Paper.Tables3And4, row => Assert.InRange(Comparison.PredictRow(row).SecondsPerToken / row.SecondsPerToken, 0.85, 1.15));
    }

    [Fact]
    public void Tables3And4_EveryColumn_IsWithinThirtyPercent()
    {
        foreach (PaperFigures.MeasuredRow row in Paper.Tables3And4)
        {
            Prediction ours = Comparison.PredictRow(row);
            Assert.InRange(ours.SecondsOf(TermGroup.Moe) / row.Moe, 0.7, 1.3);
            Assert.InRange(ours.SecondsOf(TermGroup.Communication) / row.Communication, 0.7, 1.3);
            Assert.InRange(ours.SecondsOf(TermGroup.Misc) / row.Misc, 0.7, 1.3);
            Assert.InRange(ours.PromptTokensPerSecond / row.PromptTokensPerSecond, 0.7, 1.3);
        }
    }

    [Fact]
    public void Tables_EveryCellOfThePaper_HasALine()
    {
        Dictionary<string, ReportTable> tables = Comparison.Tables().ToDictionary(pair => pair.Name, pair => pair.Table);
        Assert.Equal((5 * 5) + 1, tables["tables_3_and_4"].Rows.Count);
        Assert.Equal(30, tables["table_6"].Rows.Count);
    }
}
