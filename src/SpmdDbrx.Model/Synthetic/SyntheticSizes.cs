namespace SpmdDbrx.Model.Synthetic;

/// <summary>Sizes that differ from those of a named shape; null = as there.</summary>
public sealed record SyntheticSizes
{
    /// <summary>L.</summary>
    public int? Layers { get; init; }

    /// <summary>D, features of the residual stream.</summary>
    public int? HiddenDim { get; init; }

    /// <summary>Query heads.</summary>
    public int? Heads { get; init; }

    /// <summary>Key/value heads.</summary>
    public int? KvHeads { get; init; }

    /// <summary>E, experts of a layer.</summary>
    public int? Experts { get; init; }

    /// <summary>k, experts chosen for a token.</summary>
    public int? ExpertsPerToken { get; init; }

    /// <summary>F, hidden units of an expert.</summary>
    public int? ExpertHiddenDim { get; init; }

    /// <summary>Rows of embedding and LM head.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>A shape with these sizes; the heads share D evenly.</summary>
    public ModelConfig Apply(ModelConfig shape)
    {
        ModelConfig resized = shape with
        {
            LayerCount = Layers ?? shape.LayerCount,
            HiddenDim = HiddenDim ?? shape.HiddenDim,
            HeadCount = Heads ?? shape.HeadCount,
            KvHeadCount = KvHeads ?? shape.KvHeadCount,
            ExpertCount = Experts ?? shape.ExpertCount,
            TopK = ExpertsPerToken ?? shape.TopK,
            ExpertHiddenDim = ExpertHiddenDim ?? shape.ExpertHiddenDim,
            VocabularySize = Vocabulary ?? shape.VocabularySize,
        };
        return resized with { HeadDim = resized.HiddenDim / resized.HeadCount };
    }
}
