using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Model.Synthetic;
using SpmdDbrx.Tests.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Model.Prestack;

public sealed class PrestackerTests : IDisposable
{
    private static readonly PrestackOptions Plain = new();

    private readonly TemporaryDirectory folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Run_TinyModel_EveryWeightIsTheSame()
    {
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], Plain);

        Assert.Equal(3 + (5 * 4) + (3 * 16 * 4), AssertSameWeights(RepositoryPaths.TinyModel, folder["out"]));
    }

    [Fact]
    public void Run_TinyModel_MatricesOfAnExpertFollowEachOther()
    {
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], Plain);
        ModelDirectory model = ModelDirectory.Open(folder["out"]);

        ExpertLocation expert = model.Expert(2, 5);

        Assert.Equal("experts/expert-05.bin", expert.W1.File);
        Assert.Equal(128 * 2, expert.W1.RowStrideBytes);
        Assert.Equal(expert.W1.ByteOffset + (192 * 256), expert.V1.ByteOffset);
        Assert.Equal(expert.V1.ByteOffset + (192 * 256), expert.W2.ByteOffset);
        Assert.Equal(2 * 147456, expert.W1.ByteOffset);
        Assert.All(model.SharedWeights(), shared => Assert.Equal(0, shared.ByteOffset % 16384));
    }

    [SkippableFact]
    public void Run_TinyModel_WeightFilesAreLeftToTheirReader()
    {
        using (FileStream other = File.Create(folder["other"]))
        {
            other.Write(new byte[100_000]);
            other.Flush(flushToDisk: true);
            PageCache.Drop(other.SafeFileHandle);
        }
        Skip.If(!OperatingSystem.IsLinux() || Mapping.PagesInMemory(folder["other"]) > 0, "a file system that keeps files in memory");
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], Plain);

        Assert.Equal(0, Mapping.PagesInMemory(Path.Combine(folder["out"], "experts", "expert-03.bin")));
        Assert.NotEqual(0, Mapping.PagesInMemory(Path.Combine(folder["out"], "manifest.json")));
    }

    [Theory]
    [InlineData(ElementType.BFloat16, null, 20_000L)]
    [InlineData(ElementType.BFloat16, ElementType.Float32, 20_000L)]
    [InlineData(ElementType.Float16, null, long.MaxValue)]
    [InlineData(ElementType.Float16, ElementType.BFloat16, 1L)]
    [InlineData(ElementType.Float32, null, long.MaxValue)]
    public void Run_OtherTypesAndShards_EveryWeightIsTheSame(ElementType type, ElementType? normType, long shardBytes)
    {
        SmallCheckpoint.Write(folder["in"], SmallCheckpoint.Config with { WeightType = type }, new SyntheticOptions { NormType = normType, ShardBytes = shardBytes });
        Prestacker.Run(folder["in"], folder["out"], Plain);

        AssertSameWeights(folder["in"], folder["out"]);
        Assert.Equal(normType ?? type, ModelDirectory.Open(folder["out"]).FinalNorm.Type);
        Assert.Equal(type, ModelDirectory.Open(folder["out"]).Config.WeightType);
    }

    [Theory]
    [InlineData(128, 1)]
    [InlineData(2048, 1)]
    [InlineData(2880, 1)]
    [InlineData(2304, 2)]
    [InlineData(4096, 2)]
    [InlineData(5120, 4)]
    [InlineData(6144, 3)]
    [InlineData(7168, 4)]
    [InlineData(8192, 4)]
    [InlineData(2049, 1)]
    public void Strips_AnyColumns_AreEqualAndOfWholeRegisters(int columns, int expected) => Assert.Equal(expected, PrestackLayout.Strips(columns));

    /// <summary>Rows wider than a strip: every weight is found again, in strips of the large matrices and in whole rows of the others.</summary>
    [Fact]
    public void Run_WideModel_EveryWeightIsTheSame()
    {
        SmallCheckpoint.Write(folder["in"], SmallCheckpoint.Wide, new SyntheticOptions());
        Prestacker.Run(folder["in"], folder["out"], Plain);
        ModelDirectory model = ModelDirectory.Open(folder["out"]);

        AssertSameWeights(folder["in"], folder["out"]);
        Assert.All([model.Wqkv(0), model.AttentionOutput(0), model.LmHead, model.Expert(0, 1).W1, model.Expert(0, 1).W2], matrix => Assert.Equal(2, matrix.StripCount));
        Assert.All([model.Embedding, model.Router(0), model.FinalNorm], matrix => Assert.Equal(1, matrix.StripCount));
    }

    [Theory]
    [InlineData(8, 2, 1)]
    [InlineData(1, 1, 2)]
    [InlineData(120, 7, 1)]
    public void Run_OtherSizes_EveryWeightIsTheSame(int experts, int topK, int layers)
    {
        ModelConfig config = SmallCheckpoint.Config with
        {
            ExpertCount = experts,
            TopK = topK,
            LayerCount = layers,
            HiddenDim = 6,
            HeadCount = 3,
            HeadDim = 2,
            KvHeadCount = 3,
            ExpertHiddenDim = 1,
            VocabularySize = 3,
            ClipQkv = 1.5f,
            RouterNormalizationPower = 2,
        };
        SmallCheckpoint.Write(folder["in"], config);
        Prestacker.Run(folder["in"], folder["out"], Plain);

        AssertSameWeights(folder["in"], folder["out"]);
        Assert.Equal($"experts/expert-{experts - 1:00}.bin", ModelDirectory.Open(folder["out"]).Expert(0, experts - 1).W2.File);
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public void Run_ToBFloat16_RoundsToNearestEven(ElementType type)
    {
        SmallCheckpoint.Write(folder["in"], SmallCheckpoint.Config with { WeightType = type });
        Prestacker.Run(folder["in"], folder["out"], new PrestackOptions { Weights = ElementType.BFloat16 });
        ModelDirectory prestacked = ModelDirectory.Open(folder["out"]);

        AssertRounded(ModelDirectory.Open(folder["in"]), prestacked);
    }

    [Fact]
    public void Run_WideModelToBFloat16_RoundsToNearestEven()
    {
        SmallCheckpoint.Write(folder["in"], SmallCheckpoint.Wide with { WeightType = ElementType.Float32, VocabularySize = 7 }, new SyntheticOptions());
        Prestacker.Run(folder["in"], folder["out"], new PrestackOptions { Weights = ElementType.BFloat16 });

        AssertRounded(ModelDirectory.Open(folder["in"]), ModelDirectory.Open(folder["out"]));
    }

    private static void AssertRounded(ModelDirectory checkpoint, ModelDirectory prestacked)
    {
        foreach (((WeightLocation from, byte[] source), (WeightLocation to, byte[] target)) in StoredWeights.Of(checkpoint).Zip(StoredWeights.Of(prestacked)))
        {
            Assert.Equal(ElementType.BFloat16, to.Type);
            for (int index = 0; index < target.Length / 2; index++)
                Assert.Equal(NearestBFloat16(StoredWeights.Value(source, from.Type, index)), StoredWeights.Value(target, to.Type, index));
        }
    }

    [Fact]
    public void Run_Twice_GivesTheSameBytes()
    {
        SmallCheckpoint.Write(folder["in"]);
        Prestacker.Run(folder["in"], folder["one"], Plain with { Threads = 1 });
        Prestacker.Run(folder["in"], folder["two"], Plain with { Threads = 3 });

        string[] files = [.. Directory.EnumerateFiles(folder["one"], "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder["one"], file)).Order()];
        Assert.Equal(files, Directory.EnumerateFiles(folder["two"], "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder["two"], file)).Order());
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(folder["one"], file)), File.ReadAllBytes(Path.Combine(folder["two"], file))));
        Assert.Equal(ModelDirectory.Open(folder["one"]).Fingerprint, ModelDirectory.Open(folder["two"]).Fingerprint);
    }

    [Fact]
    public void Run_SmallFiles_AreCopied()
    {
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], Plain);

        foreach (string file in new[] { "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(RepositoryPaths.TinyModel, file)), File.ReadAllBytes(Path.Combine(folder["out"], file)));
        Assert.Equal([2030, 2039], GenerationConfig.Load(folder["out"]).EosTokenIds);
    }

    [Fact]
    public void Run_Progress_EndsAtTheTotal()
    {
        List<ByteProgress> reports = [];
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], Plain with { Threads = 1 }, new Told(reports.Add));

        Assert.Equal(reports[^1].Total, reports[^1].Done);
        Assert.Equal(ModelDirectory.Open(folder["out"]).WeightFiles.Sum(file => file.Bytes), reports[^1].Total);
        Assert.Equal(reports.OrderBy(report => report.Done), reports);
    }

    [Fact]
    public void Run_PrestackedInput_IsRefused()
    {
        Prestacker.Run(SmallCheckpoint.Write(folder["in"]), folder["out"], Plain);

        Refusal.Of(() => Prestacker.Run(folder["out"], folder["again"], Plain), "prestacked already");
    }

    private static int AssertSameWeights(string checkpoint, string prestacked)
    {
        ModelDirectory from = ModelDirectory.Open(checkpoint);
        ModelDirectory to = ModelDirectory.Open(prestacked);
        Assert.False(from.IsPrestacked);
        Assert.True(to.IsPrestacked);
        Assert.Equal(from.Config, to.Config);
        Assert.Empty(Verifier.Run(prestacked, presentOnly: false, threads: 1));
        int count = 0;
        foreach (((WeightLocation a, byte[] expected), (WeightLocation b, byte[] found)) in StoredWeights.Of(from).Zip(StoredWeights.Of(to)))
        {
            Assert.Equal((a.Rows, a.Columns, a.Type), (b.Rows, b.Columns, b.Type));
            Assert.Equal(expected, found);
            count++;
        }
        return count;
    }

    /// <summary>The closer of the two neighbouring bfloat16 values, found in double; the even one of two equally close.</summary>
    private static float NearestBFloat16(float value)
    {
        float down = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000);
        float up = BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000) + 0x10000);
        double toDown = Math.Abs((double)value - down), toUp = Math.Abs((double)value - up);
        bool isDownEven = (BitConverter.SingleToUInt32Bits(down) & 0x10000) == 0;
        return toDown < toUp || (toDown == toUp && isDownEven) ? down : up;
    }
}
