using SpmdDbrx.Compute;

namespace SpmdDbrx.Model;

/// <summary>The sizes and constants of a mixture-of-experts decoder, whatever file they came from (MECHANISMS §1).</summary>
public sealed record ModelConfig
{
    /// <summary>"dbrx".</summary>
    public required string Architecture { get; init; }

    /// <summary>D, features of the residual stream.</summary>
    public required int HiddenDim { get; init; }

    /// <summary>L.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Query heads.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Key/value heads; divides <see cref="HeadCount"/>.</summary>
    public required int KvHeadCount { get; init; }

    /// <summary>Features of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>q, k and v are clamped to ±this before RoPE; null = no clamp (clip_qkv).</summary>
    public float? ClipQkv { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public required double RopeTheta { get; init; }

    /// <summary>Added to the variance in every norm; 1e-5 for DBRX.</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>E, experts of a layer.</summary>
    public required int ExpertCount { get; init; }

    /// <summary>Experts chosen for a token.</summary>
    public required int TopK { get; init; }

    /// <summary>F, hidden units of an expert.</summary>
    public required int ExpertHiddenDim { get; init; }

    /// <summary>p of the norm that the chosen router weights are divided by; null = none (moe_normalize_expert_weights).</summary>
    public float? RouterNormalizationPower { get; init; } = 1f;

    /// <summary>Rows of the embedding and of the LM head.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Longest sequence the model was made for (max_seq_len), tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>How the weights are stored.</summary>
    public required ElementType WeightType { get; init; }

    /// <summary>Heads and clip for the device.</summary>
    public AttentionShape Attention => new(HeadCount, KvHeadCount, HeadDim, ClipQkv);
}
