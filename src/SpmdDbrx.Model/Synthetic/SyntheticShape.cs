using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Synthetic;

/// <summary>Sizes of synthetic models that measurements refer to by name.</summary>
public static class SyntheticShape
{
    /// <summary>The names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["S", "W", "dbrx"];

    /// <summary>S: 5.7 GB, 8 layers of a small width. W: 7.3 GB, one layer of DBRX's true width. dbrx: DBRX itself, 264 GB.</summary>
    /// <exception cref="ArgumentException">There is no such name.</exception>
    public static ModelConfig Named(string name) => name switch
    {
        "S" => Dbrx with { HiddenDim = 2048, HeadCount = 16, KvHeadCount = 4, ExpertHiddenDim = 3584, LayerCount = 8, VocabularySize = 32000 },
        "W" => Dbrx with { LayerCount = 1, VocabularySize = 32000 },
        "dbrx" => Dbrx,
        _ => throw new ArgumentException($"{name}: expected {string.Join(", ", Names)}"),
    };

    private static readonly ModelConfig Dbrx = new()
    {
        Architecture = "dbrx",
        HiddenDim = 6144,
        LayerCount = 40,
        HeadCount = 48,
        KvHeadCount = 8,
        HeadDim = 128,
        ClipQkv = 8,
        RopeTheta = 500000,
        ExpertCount = 16,
        TopK = 4,
        ExpertHiddenDim = 10752,
        VocabularySize = 100352,
        ContextLength = 32768,
        WeightType = ElementType.BFloat16,
    };
}
