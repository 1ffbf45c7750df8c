using System.Globalization;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Where every weight of a prestacked directory lies. It follows from the sizes and the stored types alone,
/// so a reader computes it and a manifest that says otherwise is refused.</summary>
internal static class PrestackLayout
{
    /// <summary>The page of Apple silicon; a multiple of every other page in use.</summary>
    public const int Alignment = 16 * 1024;

    public const string SharedFile = "shared.bin";
    public const string ExpertFolder = "experts";

    /// <summary>Sections of a layer in the shared file.</summary>
    public const int SharedPerLayer = 5;

    /// <summary>File of an expert, all layers one after the other.</summary>
    public static string ExpertFile(int expert) => $"{ExpertFolder}/expert-{expert.ToString("00", CultureInfo.InvariantCulture)}.bin";

    /// <summary>Sections of the shared file.</summary>
    public static int SharedCount(ModelConfig config) => 3 + (SharedPerLayer * config.LayerCount);

    /// <summary>All sections.</summary>
    public static long SectionCount(ModelConfig config) => SharedCount(config) + ((long)config.ExpertCount * config.LayerCount);

    /// <summary>Matrices of the section of that number: 3 in an expert layer, else 1.</summary>
    public static int MatrixCount(ModelConfig config, int section) => section < SharedCount(config) ? 1 : 3;

    /// <summary>The next multiple of <see cref="Alignment"/>.</summary>
    public static long AlignUp(long bytes) => checked(bytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>All sections: the shared file in the order of <see cref="ModelDirectory.SharedWeights"/>, then expert 0 layer by layer, expert 1, …</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="types">The stored types of the matrices of each section.</param>
    public static List<Section> Sections(ModelConfig config, Func<int, IReadOnlyList<ElementType>> types)
    {
        List<Section> sections = [];
        long offset = 0;
        foreach ((string name, int rows, int columns) in SharedShapes(config))
        {
            sections.Add(new Section(name, SharedFile, offset, rows, columns, types(sections.Count)));
            offset = checked(offset + sections[^1].Bytes);
        }
        for (int expert = 0; expert < config.ExpertCount; expert++)
        {
            string file = ExpertFile(expert);
            offset = 0;
            for (int layer = 0; layer < config.LayerCount; layer++)
            {
                sections.Add(new Section($"layers.{layer}.experts.{expert}", file, offset, config.ExpertHiddenDim, config.HiddenDim, types(sections.Count)));
                offset = checked(offset + sections[^1].Bytes);
            }
        }
        return sections;
    }

    private static IEnumerable<(string Name, int Rows, int Columns)> SharedShapes(ModelConfig config)
    {
        int hidden = config.HiddenDim;
        yield return ("embedding", config.VocabularySize, hidden);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            yield return ($"layers.{layer}.attention_norm", 1, hidden);
            yield return ($"layers.{layer}.wqkv", config.Attention.QkvDim, hidden);
            yield return ($"layers.{layer}.attention_output", hidden, config.Attention.QueryDim);
            yield return ($"layers.{layer}.expert_norm", 1, hidden);
            yield return ($"layers.{layer}.router", config.ExpertCount, hidden);
        }
        yield return ("final_norm", 1, hidden);
        yield return ("lm_head", config.VocabularySize, hidden);
    }
}
