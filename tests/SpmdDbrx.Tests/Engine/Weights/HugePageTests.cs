using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Engine.Weights;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;
using SpmdDbrx.Tests.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Weights;

public sealed class HugePageTests(PrestackedTinyModel tiny) : IClassFixture<PrestackedTinyModel>
{
    [SkippableTheory]
    [InlineData(1, 1, true)]
    [InlineData(2, 1, false)]
    [InlineData(2, 2, true)]
    [InlineData(4, 2, false)]
    [InlineData(4, 3, true)]
    public void AdviseHugePages_SlicesOfAnExpert_WhereTheHostReadsMostOfIt(int slices, int ranks, bool expected)
    {
        Skip.IfNot(Mapping.KnowsHugePages, "a system without huge pages");
        ModelDirectory model = ModelDirectory.Open(tiny.ModelPath);
        using CpuDevice device = new(threads: 1);
        using MappedWeights mapped = new(model, device);
        _ = RankWeights.Map(model, mapped, new ExpertShare([1], 0, slices));
        mapped.AdviseHugePages(ranks);
        Assert.True(Mapping.IsAdvisedHuge(Path.Combine(tiny.ModelPath, "shared.bin")));
        Assert.Equal(expected, Mapping.IsAdvisedHuge(Path.Combine(tiny.ModelPath, "experts", "expert-01.bin")));
    }

    [SkippableTheory]
    [InlineData(1, Partition.Experts)]
    [InlineData(2, Partition.Experts)]
    [InlineData(2, Partition.Slices)]
    public void Open_RanksOfOneHost_WeightsAreAskedForInHugePages(int ranks, Partition partition)
    {
        Skip.IfNot(Mapping.KnowsHugePages, "a system without huge pages");
        InProcessWorld.Run(ranks, world =>
        {
            using CpuDevice device = new(threads: 1);
            using RankSession session = RankSession.Open(world, device, tiny.ModelPath, new EngineOptions { Partition = partition });
            Assert.True(Mapping.IsAdvisedHuge(Path.Combine(tiny.ModelPath, "experts", "expert-07.bin")));
            world.Barrier();
        });
    }
}
