using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Simulation;
using SpmdDbrx.Engine.Placement;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class ScalingStudyTests
{
    private static ScalingStudy Study(string network) => ScalingStudy.Run(
        new SimulationScenario
        {
            Model = Catalogue.Model("dbrx"),
            Hardware = [Catalogue.Hardware("m2-ultra-192")],
            Network = Catalogue.Network(network),
            Software = Catalogue.Software("spmd-dbrx-metal"),
            Deployment = new Deployment { RankCount = 1 },
            Trace = RoutingTrace.Synthetic(1, 40, 16, 4, seed: 1),
            ContextTokens = 2_048,
        },
        [1, 2, 4, 8, 16, 32, 64, 128]);

    [Theory]
    [InlineData("10gbe", 2)]
    [InlineData("10gbe-mpi", 16)]
    [InlineData("infiniband", 128)]
    public void FastestRankCount_LowerLatency_MovesItUp(string network, int expected) => Assert.Equal(expected, Study(network).FastestRankCount);

    [Fact]
    public void TableAndVerdict_SlowNetwork_NameTheLimitAndItsReplacements()
    {
        ScalingStudy study = Study("10gbe");
        Assert.Equal(8, study.Table().Rows.Count);
        Assert.Equal("–", study.Table().Rows[0][9]); // one node cannot hold the model
        string verdict = string.Join('\n', study.Verdict());
        Assert.Contains("one all-reduce a layer is fastest on 2 ranks", verdict, StringComparison.Ordinal);
        Assert.Contains("from 4 ranks on, more than half of a token is all-reduce", verdict, StringComparison.Ordinal);
        Assert.Contains("an exchange in wide steps (8)", verdict, StringComparison.Ordinal);
        Assert.Contains("groups of 4", verdict, StringComparison.Ordinal);
    }
}
