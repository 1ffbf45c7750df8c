using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Engine.Weights;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Weights;

public sealed class WeightPrefaultTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [Fact]
    public void Merge_OverlapsAndNeighbours_BecomeOneRange()
    {
        using TemporaryDirectory directory = new();
        File.WriteAllBytes(directory["a"], new byte[100]);
        File.WriteAllBytes(directory["b"], new byte[100]);
        using MappedFile a = MappedFile.Open(directory["a"]);
        using MappedFile b = MappedFile.Open(directory["b"]);
        FileRange[] ranges = [new(a, 20, 30), new(b, 5, 6), new(a, 0, 10), new(a, 10, 12), new(a, 21, 25), new(a, 28, 40)];
        Assert.Equal([new(a, 0, 12), new(a, 20, 40), new(b, 5, 6)], FileRange.Merge(ranges));
    }

    [Theory]
    [InlineData(1, Partition.Experts)]
    [InlineData(2, Partition.Experts)]
    [InlineData(2, Partition.Slices)]
    public void Open_Prefault_ReportsEachRanksOwnBytesOnly(int ranks, Partition partition)
    {
        EngineOptions options = new() { Partition = partition, Prefault = true };
        ByteProgress[] last = new ByteProgress[ranks];
        long[] held = new long[ranks];
        InProcessWorld.Run(ranks, world =>
        {
            using CpuDevice device = new(threads: 1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, options, new Recorder(value => last[world.Rank] = value));
            held[world.Rank] = session.WeightBytes;
        });
        for (int rank = 0; rank < ranks; rank++)
        {
            Assert.Equal(last[rank].Total, last[rank].Done);
            // Neighbouring weights lie up to a page apart, which is read with them.
            Assert.InRange(last[rank].Total, held[rank], held[rank] * 1.1);
        }
    }

    [Fact]
    public void RequireFit_MoreThanMemory_SaysWhatToDo()
    {
        WeightPrefault.RequireFit(10, 10);
        EngineException thrown = Assert.Throws<EngineException>(() => WeightPrefault.RequireFit(264_000_000_000, 24_000_000_000));
        Assert.Contains("24 GB", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("leave --prefault out", thrown.Message, StringComparison.Ordinal);
    }

    private sealed class Recorder(Action<ByteProgress> record) : IProgress<ByteProgress>
    {
        public void Report(ByteProgress value) => record(value);
    }
}
