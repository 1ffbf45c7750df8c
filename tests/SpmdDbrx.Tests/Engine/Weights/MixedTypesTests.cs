using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Model.Synthetic;
using SpmdDbrx.Mpi;
using SpmdDbrx.Tests.Model;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Weights;

public sealed class MixedTypesTests : IDisposable
{
    private readonly TemporaryDirectory folder = new();

    public MixedTypesTests() =>
        SmallCheckpoint.Write(folder["checkpoint"], options: new SyntheticOptions { DownType = ElementType.Float32, Threads = 1 });

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_ExpertsOfMixedTypes_AreRefusedBeforeTheFirstToken(bool prestacked)
    {
        string path = folder[prestacked ? "prestacked" : "checkpoint"];
        if (prestacked)
            Prestacker.Run(folder["checkpoint"], path, new PrestackOptions());

        InvalidModelException error = Assert.Throws<InvalidModelException>(() => Open(path));

        Assert.Equal(
            $"{path}: layer 0: cpu: all experts of a layer must have one element type, BFloat16 like the first one's w1; "
            + "found w1 BFloat16, v1 BFloat16, w2 Float32; prestack the checkpoint with --weights bf16",
            error.Message);
    }

    [Fact]
    public void Open_PrestackedAsTheRefusalSays_Opens()
    {
        Prestacker.Run(folder["checkpoint"], folder["prestacked"], new PrestackOptions { Weights = ElementType.BFloat16 });
        Open(folder["prestacked"]);
    }

    private static void Open(string path)
    {
        using CpuDevice device = new(threads: 1);
        using RankSession session = RankSession.Open(new SingleRankCommunicator(), device, path, new EngineOptions());
        session.Decoder.Forward([1, 2, 3], 0);
    }
}
