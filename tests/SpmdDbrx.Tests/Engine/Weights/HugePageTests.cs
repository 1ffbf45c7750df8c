using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Weights;
using SpmdDbrx.Model;
using SpmdDbrx.Tests.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Weights;

public sealed class HugePageTests(PrestackedTinyModel tiny) : IClassFixture<PrestackedTinyModel>
{
    [SkippableTheory]
    [InlineData(1, true)]
    [InlineData(4, false)]
    public void AdviseHugePages_WholeExpertOrSlice_OnlyFilesThatAreMostlyRead(int slices, bool expected)
    {
        Skip.IfNot(Mapping.HasHugePages, "no huge pages on this system");
        ModelDirectory model = ModelDirectory.Open(tiny.ModelPath);
        using CpuDevice device = new(threads: 1);
        using MappedWeights mapped = new(model, device);
        _ = RankWeights.Map(model, mapped, new ExpertShare([1], 0, slices));
        mapped.AdviseHugePages();
        Assert.True(Mapping.IsAdvisedHuge(Path.Combine(tiny.ModelPath, "shared.bin")));
        Assert.Equal(expected, Mapping.IsAdvisedHuge(Path.Combine(tiny.ModelPath, "experts", "expert-01.bin")));
    }
}
