using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Performance.Inputs;

/// <summary>The sizes of a mixture-of-experts decoder that decide its speed. A dense model is one with a single expert.</summary>
public sealed record ModelShape
{
    /// <summary>Short name for the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Name for tables.</summary>
    public required string Title { get; init; }

    /// <summary>D.</summary>
    public required int HiddenDim { get; init; }

    /// <summary>L.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Query heads.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Key/value heads.</summary>
    public required int KvHeadCount { get; init; }

    /// <summary>Features of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>E, experts of a layer.</summary>
    public required int ExpertCount { get; init; }

    /// <summary>k, experts selected for a token.</summary>
    public required int TopK { get; init; }

    /// <summary>F.</summary>
    public required int ExpertHiddenDim { get; init; }

    /// <summary>Rows of the embedding and of the LM head.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Features of all key (or value) heads.</summary>
    public long KvDim => (long)KvHeadCount * HeadDim;

    /// <summary>Weights of one layer's attention: Wqkv [QueryDim + 2·KvDim, D] and output [D, QueryDim]. D·(Q + D) of Eq. 1.</summary>
    public long AttentionWeights => HiddenDim * ((2 * (long)HeadCount * HeadDim) + (2 * KvDim));

    /// <summary>Weights of one expert in one layer: w1, v1 and w2.</summary>
    public long ExpertWeights => 3L * HiddenDim * ExpertHiddenDim;

    /// <summary>Weights of the LM head (or of the embedding).</summary>
    public long LmHeadWeights => (long)VocabularySize * HiddenDim;

    /// <summary>Weights of one layer's router.</summary>
    public long RouterWeights => ExpertCount > 1 ? (long)ExpertCount * HiddenDim : 0;

    /// <summary>All weights.</summary>
    public long TotalWeights => (LayerCount * (AttentionWeights + RouterWeights + (ExpertCount * ExpertWeights))) + (2 * LmHeadWeights);

    /// <summary>The shape of a model that is already read.</summary>
    public static ModelShape From(string name, ModelConfig config) => new()
    {
        Name = name,
        Title = name,
        HiddenDim = config.HiddenDim,
        LayerCount = config.LayerCount,
        HeadCount = config.HeadCount,
        KvHeadCount = config.KvHeadCount,
        HeadDim = config.HeadDim,
        ExpertCount = config.ExpertCount,
        TopK = config.TopK,
        ExpertHiddenDim = config.ExpertHiddenDim,
        VocabularySize = config.VocabularySize,
    };

    /// <summary>Reads the "model" section of a file.</summary>
    internal static ModelShape Read(JsonField section)
    {
        section.AllowOnly("name", "title", "source", "hidden_dim", "layers", "heads", "kv_heads", "head_dim", "experts", "top_k", "expert_hidden_dim", "vocabulary");
        int experts = section["experts"].Integer(1, 65_536);
        return new ModelShape
        {
            Name = section["name"].Text(),
            Title = section.Optional("title")?.Text() ?? section["name"].Text(),
            HiddenDim = section["hidden_dim"].Integer(1, 1 << 20),
            LayerCount = section["layers"].Integer(1, 10_000),
            HeadCount = section["heads"].Integer(1, 1 << 16),
            KvHeadCount = section["kv_heads"].Integer(1, section["heads"].Integer(1, 1 << 16)),
            HeadDim = section["head_dim"].Integer(1, 1 << 16),
            ExpertCount = experts,
            TopK = section["top_k"].Integer(1, experts),
            ExpertHiddenDim = section["expert_hidden_dim"].Integer(1, 1 << 24),
            VocabularySize = section["vocabulary"].Integer(1, 1 << 26),
        };
    }
}
