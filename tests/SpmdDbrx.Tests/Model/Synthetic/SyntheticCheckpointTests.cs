using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Synthetic;
using Xunit;

namespace SpmdDbrx.Tests.Model.Synthetic;

public sealed class SyntheticCheckpointTests : IDisposable
{
    // Large enough for its tensors to take several parts of a million elements, and for statistics.
    private static readonly ModelConfig Wide = SmallCheckpoint.Config with { VocabularySize = 30_001, HiddenDim = 70, HeadCount = 7, HeadDim = 10 };

    private readonly TemporaryDirectory folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Write_AnyThreadsAndShards_GivesTheSameWeights()
    {
        SmallCheckpoint.Write(folder["one"], Wide, new SyntheticOptions { Threads = 1 });
        SmallCheckpoint.Write(folder["many"], Wide, new SyntheticOptions { Threads = 3, ShardBytes = 100_000 });

        Assert.True(ModelDirectory.Open(folder["many"]).WeightFiles.Count > 3);
        Assert.Equal(
            StoredWeights.Of(ModelDirectory.Open(folder["one"])).Select(weight => weight.Bytes),
            StoredWeights.Of(ModelDirectory.Open(folder["many"])).Select(weight => weight.Bytes));
    }

    [Fact]
    public void Write_OtherSeed_GivesOtherWeights()
    {
        SmallCheckpoint.Write(folder["one"]);
        SmallCheckpoint.Write(folder["two"], options: new SyntheticOptions { Seed = 1 });

        foreach (((WeightLocation _, byte[] one), (WeightLocation _, byte[] two)) in StoredWeights.Of(ModelDirectory.Open(folder["one"])).Zip(StoredWeights.Of(ModelDirectory.Open(folder["two"]))))
            Assert.NotEqual(one, two);
    }

    [Theory]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.Float32)]
    public void Write_AnyType_ValuesHaveTheirMeanAndDeviation(ElementType type)
    {
        SmallCheckpoint.Write(folder["m"], Wide with { WeightType = type });
        ModelDirectory model = ModelDirectory.Open(folder["m"]);

        AssertMoments(model, model.Embedding, mean: 0, deviation: 1, tolerance: 0.005);
        AssertMoments(model, model.LmHead, mean: 0, deviation: 1 / Math.Sqrt(70), tolerance: 0.001);
        AssertMoments(model, model.FinalNorm, mean: 1, deviation: 0.1, tolerance: 0.04);
    }

    [Fact]
    public void Write_TensorOfManyParts_RepeatsNothing()
    {
        SmallCheckpoint.Write(folder["m"], Wide with { WeightType = ElementType.Float32 });
        ModelDirectory model = ModelDirectory.Open(folder["m"]);
        byte[] bytes = StoredWeights.Rows(model, model.Embedding);

        HashSet<string> rows = [];
        for (int row = 0; row < model.Embedding.Rows; row++)
            Assert.True(rows.Add(Convert.ToHexString(bytes.AsSpan(row * 280, 280))), $"row {row} was there before");
    }

    [Fact]
    public void Write_WithTokenizer_CopiesOneThatFits()
    {
        SmallCheckpoint.Write(folder["m"], Wide, new SyntheticOptions { TokenizerDirectory = RepositoryPaths.TinyModel });

        Assert.Equal(File.ReadAllBytes(Path.Combine(RepositoryPaths.TinyModel, "tokenizer.json")), File.ReadAllBytes(folder["m/tokenizer.json"]));
        Assert.Equal(30_001, ModelDirectory.Open(folder["m"]).Config.VocabularySize);
    }

    [Fact]
    public void Write_TokenizerTooLarge_IsRefusedAndNothingRemains()
    {
        Refusal.Of(() => SmallCheckpoint.Write(folder["m"], options: new SyntheticOptions { TokenizerDirectory = RepositoryPaths.TinyModel }), "at most 101", "found 2040");
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Root));
    }

    [Fact]
    public void Write_TargetExists_IsRefused()
    {
        SmallCheckpoint.Write(folder["m"]);

        Assert.Throws<IOException>(() => SmallCheckpoint.Write(folder["m"]));
    }

    private static void AssertMoments(ModelDirectory model, WeightLocation matrix, double mean, double deviation, double tolerance)
    {
        byte[] bytes = StoredWeights.Rows(model, matrix);
        double[] values = [.. Enumerable.Range(0, matrix.Rows * matrix.Columns).Select(index => (double)StoredWeights.Value(bytes, matrix.Type, index))];
        double average = values.Average();
        Assert.Equal(mean, average, tolerance);
        Assert.Equal(deviation, Math.Sqrt(values.Average(value => (value - average) * (value - average))), tolerance);
    }
}
