using System.Globalization;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Where every weight of a prestacked directory lies. It follows from the sizes and the stored types alone,
/// so a reader computes it and a manifest that says otherwise is refused.</summary>
internal static class PrestackLayout
{
    /// <summary>The page of Apple silicon; a multiple of every other page in use.</summary>
    public const int Alignment = 16 * 1024;

    /// <summary>With their 8 KB of float32 activations or sums beside them: what a first-level cache of 32 KB holds with room for the weights.</summary>
    private const int MostStripColumns = 2048;

    private const int LeastStripColumns = 512;

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

    /// <summary>Strips that a large matrix of so many columns is stored in: equal ones of at most <see cref="MostStripColumns"/> columns, in
    /// whole registers. One where no such strips exist that are long enough to be read as a stream.</summary>
    public static int Strips(int columns)
    {
        int strips = (columns + MostStripColumns - 1) / MostStripColumns;
        for (; columns / strips >= LeastStripColumns; strips++)
        {
            if (columns % (strips * WeightMatrix.StripMultiple) == 0)
                return strips;
        }
        return 1;
    }

    /// <summary>The next multiple of <see cref="Alignment"/>.</summary>
    public static long AlignUp(long bytes) => checked(bytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>All sections: the shared file in the order of <see cref="ModelDirectory.SharedWeights"/>, then expert 0 layer by layer, expert 1, …</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="types">The stored types of the matrices of each section.</param>
    public static List<Section> Sections(ModelConfig config, Func<int, IReadOnlyList<ElementType>> types)
    {
        List<Section> sections = [];
        long offset = 0;
        foreach ((string name, int rows, int columns, int strips) in SharedShapes(config))
        {
            sections.Add(new Section(name, SharedFile, offset, rows, columns, strips, types(sections.Count)));
            offset = checked(offset + sections[^1].Bytes);
        }
        int expertStrips = Strips(config.HiddenDim);
        for (int expert = 0; expert < config.ExpertCount; expert++)
        {
            string file = ExpertFile(expert);
            offset = 0;
            for (int layer = 0; layer < config.LayerCount; layer++)
            {
                sections.Add(new Section(
                    $"layers.{layer}.experts.{expert}", file, offset, config.ExpertHiddenDim, config.HiddenDim, expertStrips, types(sections.Count)));
                offset = checked(offset + sections[^1].Bytes);
            }
        }
        return sections;
    }

    private static IEnumerable<(string Name, int Rows, int Columns, int Strips)> SharedShapes(ModelConfig config)
    {
        int hidden = config.HiddenDim, query = config.Attention.QueryDim;
        yield return ("embedding", config.VocabularySize, hidden, 1);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            yield return ($"layers.{layer}.attention_norm", 1, hidden, 1);
            yield return ($"layers.{layer}.wqkv", config.Attention.QkvDim, hidden, Strips(hidden));
            yield return ($"layers.{layer}.attention_output", hidden, query, Strips(query));
            yield return ($"layers.{layer}.expert_norm", 1, hidden, 1);
            yield return ($"layers.{layer}.router", config.ExpertCount, hidden, 1);
        }
        yield return ("final_norm", 1, hidden, 1);
        yield return ("lm_head", config.VocabularySize, hidden, Strips(hidden));
    }
}
