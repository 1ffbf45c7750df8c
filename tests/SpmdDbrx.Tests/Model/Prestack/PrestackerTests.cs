using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using Xunit;

namespace SpmdDbrx.Tests.Model.Prestack;

public sealed class PrestackerTests
{
    [Fact]
    public void Run_TinyModel_EveryWeightIsTheSame()
    {
        using TemporaryDirectory folder = new();
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], new PrestackOptions());

        ModelDirectory checkpoint = ModelDirectory.Open(RepositoryPaths.TinyModel);
        ModelDirectory prestacked = ModelDirectory.Open(folder["out"]);

        Assert.False(checkpoint.IsPrestacked);
        Assert.True(prestacked.IsPrestacked);
        Assert.Equal(checkpoint.Config, prestacked.Config);
        int count = 0;
        foreach (((WeightLocation a, byte[] expected), (WeightLocation b, byte[] found)) in StoredWeights.Of(checkpoint).Zip(StoredWeights.Of(prestacked)))
        {
            Assert.Equal((a.Rows, a.Columns, a.Type), (b.Rows, b.Columns, b.Type));
            Assert.Equal(expected, found);
            count++;
        }
        Assert.Equal(3 + (5 * 4) + (3 * 16 * 4), count);
    }

    [Fact]
    public void Run_TinyModel_AnExpertLayerIsOneStreamOfNeurons()
    {
        using TemporaryDirectory folder = new();
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], new PrestackOptions());
        ModelDirectory model = ModelDirectory.Open(folder["out"]);

        ExpertLocation expert = model.Expert(2, 5);

        Assert.Equal("experts/expert-05.bin", expert.W1.File);
        Assert.Equal(3 * 128 * 2, expert.W1.RowStrideBytes);
        Assert.Equal(expert.W1.ByteOffset + 256, expert.V1.ByteOffset);
        Assert.Equal(expert.W1.ByteOffset + 512, expert.W2.ByteOffset);
        Assert.All(model.SharedWeights(), shared => Assert.Equal(0, shared.ByteOffset % 16384));
    }
}
