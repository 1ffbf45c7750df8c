using System.Text;
using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using Xunit;

namespace SpmdDbrx.Tests.Model;

/// <summary>Offsets have 64 bits: weights beyond 4 GB of a file are found, in sparse files that take a few kilobytes of disk.</summary>
public sealed class LargeFileTests : IDisposable
{
    private readonly TemporaryDirectory folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Checkpoint_ExpertsBeyond4GB_AreRead()
    {
        ModelConfig config = SmallCheckpoint.Config with { VocabularySize = 60_000_000, ExpertHiddenDim = 5_000_000 };
        ModelDirectory model = ModelDirectory.Open(SparseCheckpoint.Write(folder["m"], config));
        ExpertLocation last = model.Expert(2, 4);
        Assert.True(last.W2.ByteOffset > 6L << 30, $"{last.W2.ByteOffset}");

        AssertWritesAreFound(model, [model.LmHead, last.W1, last.V1, last.W2]);
    }

    [Fact]
    public void Prestacked_LayersBeyond4GBOfAnExpert_AreRead()
    {
        ModelConfig config = SmallCheckpoint.Config with { ExpertHiddenDim = 10_000_000 };
        ModelDirectory model = ModelDirectory.Open(SparsePrestacked.Write(folder["m"], config));
        ExpertLocation last = model.Expert(2, 4);
        Assert.True(last.W1.ByteOffset > 4L << 30, $"{last.W1.ByteOffset}");
        Assert.Equal(7_560_019_968L, new FileInfo(Path.Combine(model.Path, last.W1.File)).Length);

        AssertWritesAreFound(model, [last.W1, last.V1, last.W2]);
    }

    [SkippableFact]
    public void Prestack_CheckpointBeyond4GB_EveryMarkArrives()
    {
        Skip.If(Environment.GetEnvironmentVariable("SPMD_LARGE_TESTS") is null, "writes 9 GB; SPMD_LARGE_TESTS=1 runs it");
        ModelConfig config = SmallCheckpoint.Config with { VocabularySize = 55_000_000 };
        ModelDirectory from = ModelDirectory.Open(SparseCheckpoint.Write(folder["in"], config));
        AssertWritesAreFound(from, [from.Embedding, from.LmHead, from.Expert(2, 4).W2]);

        Prestacker.Run(from.Path, folder["out"], new PrestackOptions());

        ModelDirectory to = ModelDirectory.Open(folder["out"]);
        Assert.Empty(Verifier.Run(to.Path, presentOnly: false, threads: 2));
        Assert.Equal(StoredWeights.Rows(from, from.Expert(2, 4).W2), StoredWeights.Rows(to, to.Expert(2, 4).W2));
        Assert.Equal(LastRow(from, from.LmHead), LastRow(to, to.LmHead));
    }

    private static byte[] LastRow(ModelDirectory model, WeightLocation matrix) =>
        StoredWeights.Rows(model, matrix.Part(matrix.Rows - 1, 1));

    /// <summary>Marks the first and last row of every matrix on disk where arithmetic in 128 bits says they are, and reads them through the model.</summary>
    private static void AssertWritesAreFound(ModelDirectory model, WeightLocation[] locations)
    {
        foreach (WeightLocation location in locations)
        {
            foreach (int row in new[] { 0, location.Rows - 1 })
            {
                byte[] mark = Encoding.ASCII.GetBytes($"{location.ByteOffset}:{row}");
                long offset = (long)((Int128)location.ByteOffset + ((Int128)row * location.RowStrideBytes));
                using (FileStream stream = File.OpenWrite(Path.Combine(model.Path, location.File)))
                {
                    stream.Position = offset;
                    stream.Write(mark);
                }
                using MappedFile mapped = model.Map(location.File);
                Assert.Equal(mark, mapped.Span(location.Offset(row, 0), mark.Length).ToArray());
            }
        }
    }
}
