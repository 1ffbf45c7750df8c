using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Synthetic;

namespace SpmdDbrx.Tests.Model;

/// <summary>Synthetic checkpoints of a few kilobytes with sizes that divide nothing.</summary>
internal static class SmallCheckpoint
{
    public static ModelConfig Config { get; } = new()
    {
        Architecture = "dbrx",
        HiddenDim = 42,
        LayerCount = 3,
        HeadCount = 7,
        KvHeadCount = 1,
        HeadDim = 6,
        ClipQkv = null,
        RopeTheta = 12345.5,
        ExpertCount = 5,
        TopK = 2,
        ExpertHiddenDim = 11,
        RouterNormalizationPower = null,
        VocabularySize = 101,
        ContextLength = 77,
        WeightType = ElementType.BFloat16,
    };

    /// <summary>Rows of two strips in a prestacked file; 60 MB.</summary>
    public static ModelConfig Wide { get; } = Config with
    {
        HiddenDim = 2304,
        LayerCount = 1,
        HeadCount = 18,
        KvHeadCount = 2,
        HeadDim = 128,
        ExpertCount = 4,
        ExpertHiddenDim = 37,
    };

    /// <summary>Writes one in three or so shards.</summary>
    public static string Write(string directory, ModelConfig? config = null, SyntheticOptions? options = null)
    {
        SyntheticCheckpoint.Write(config ?? Config, directory, options ?? new SyntheticOptions { ShardBytes = 20_000, Threads = 1 });
        return directory;
    }

    /// <summary>Copies a directory so that a test may damage the copy.</summary>
    public static string Copy(string source, string target)
    {
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        return target;
    }
}
