namespace SpmdDbrx.Compute.Cpu;

/// <summary>Many tokens of one expert in a wave of <see cref="ExpertPrefill{TVector, TElement}"/>.</summary>
internal readonly unsafe struct ExpertGroup(ExpertTokens tokens, Panels inputs, Panels hidden, float* results)
{
    public ExpertTokens Tokens { get; } = tokens;

    /// <summary>Inputs, [padded D] rows a panel in lane order.</summary>
    public Panels Inputs { get; } = inputs;

    /// <summary>silu(w1 x) ⊙ (v1 x), [padded F] rows a panel.</summary>
    public Panels Hidden { get; } = hidden;

    /// <summary>Outputs before their weights, [tokens, D].</summary>
    public RowPointer Results { get; } = new(results, tokens.Count, tokens.W2.Columns);
}
