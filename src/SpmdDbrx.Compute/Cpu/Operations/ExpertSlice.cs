namespace SpmdDbrx.Compute.Cpu;

/// <summary>A few tokens of one expert that share a pass over its weights.</summary>
internal readonly unsafe struct ExpertSlice(ExpertTokens tokens, float* dots, float* sums, int* merged)
{
    /// <summary>Tokens of a slice.</summary>
    public const int MaxTokens = 8;

    public ExpertTokens Tokens { get; } = tokens;

    /// <summary>Dot products with w1 and v1, [matrix][strip][token][padded F].</summary>
    public float* Dots { get; } = dots;

    /// <summary>Sums of chunks, [chunk][token][padded D] in lane order.</summary>
    public float* Sums { get; } = sums;

    /// <summary>Of each strip the chunks whose sums have been added to the first one's already, that one included, [strip].</summary>
    public int* Merged { get; } = merged;
}
