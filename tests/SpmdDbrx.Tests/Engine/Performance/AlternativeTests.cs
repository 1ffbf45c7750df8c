using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Inputs;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class AlternativeTests
{
    private static readonly Workload Workload = new(512, 2_048);

    [Fact]
    public void For_TwoMacStudiosOnTenGigabit_SlicesAreFastest()
    {
        IReadOnlyList<Alternative> alternatives = For("dbrx", "m2-ultra-192", "10gbe", 2);
        Assert.Equal("slices", Alternative.Best(alternatives)!.Name);
        Assert.Contains(alternatives, alternative => alternative.Name == "ring, 9 experts a node");
    }

    [Fact]
    public void For_LowLatency_SplitAttentionIsFastest() =>
        Assert.Equal("slices, attention split", Alternative.Best(For("dbrx", "m2-ultra-192", "thunderbolt5-rdma", 4))!.Name);

    [Fact]
    public void For_TooLittleMemory_NothingIsChosenButAllIsListed()
    {
        IReadOnlyList<Alternative> alternatives = For("dbrx", "m4-max-128", "10gbe", 2);
        Assert.Null(Alternative.Best(alternatives));
        Assert.All(alternatives, alternative => Assert.False(alternative.Prediction.Fits));
        Assert.NotEmpty(alternatives);
    }

    [Fact]
    public void For_MoreNodesThanExperts_HasNoContiguousPlacement()
    {
        IReadOnlyList<Alternative> alternatives = For("mixtral-8x7b", "m2-ultra-192", "10gbe", 12);
        Assert.DoesNotContain(alternatives, alternative => alternative.Spread == Spread.EachOnce);
        Assert.Contains(alternatives, alternative => alternative.Spread == Spread.Ring);
    }

    [Fact]
    public void For_SeveralRanksANode_SharesExpertsWithinNodes()
    {
        IReadOnlyList<Alternative> alternatives = Alternative.For(
            Catalogue.Model("dbrx"), Catalogue.Hardware("m2-ultra-192"), Catalogue.Network("shared-memory"), Catalogue.Software("ideal"),
            new Deployment { RankCount = 2, RanksPerNode = 2 }, Workload);
        Alternative shared = alternatives.Single(alternative => alternative.Spread == Spread.SharedOnNode);
        Assert.Equal(2, shared.Prediction.ExpertsPerLayer, 9);
    }

    private static IReadOnlyList<Alternative> For(string model, string hardware, string network, int nodes) => Alternative.For(
        Catalogue.Model(model), Catalogue.Hardware(hardware), Catalogue.Network(network), Catalogue.Software("spmd-dbrx-metal"),
        new Deployment { RankCount = nodes }, Workload);
}
