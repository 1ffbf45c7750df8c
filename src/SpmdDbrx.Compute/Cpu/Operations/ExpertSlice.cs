namespace SpmdDbrx.Compute.Cpu;

/// <summary>A few tokens of one expert that share a pass over its weights.</summary>
internal readonly unsafe struct ExpertSlice(ExpertTokens tokens, float* sums)
{
    /// <summary>Tokens of a slice.</summary>
    public const int MaxTokens = 8;

    public ExpertTokens Tokens { get; } = tokens;

    /// <summary>Sums of its chunks, [chunk][token][padded D] in lane order.</summary>
    public float* Sums { get; } = sums;
}
