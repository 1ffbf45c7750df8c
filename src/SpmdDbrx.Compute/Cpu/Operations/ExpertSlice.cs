namespace SpmdDbrx.Compute.Cpu;

/// <summary>Up to <see cref="MaxTokens"/> consecutive assignments of one expert.</summary>
internal readonly unsafe struct ExpertSlice(WeightPointer w1, WeightPointer v1, WeightPointer w2, int start, int count)
{
    /// <summary>Tokens that share one pass over the weights.</summary>
    public const int MaxTokens = 4;

    public WeightPointer W1 { get; } = w1;

    public WeightPointer V1 { get; } = v1;

    public WeightPointer W2 { get; } = w2;

    /// <summary>First assignment.</summary>
    public int Start { get; } = start;

    /// <summary>Assignments.</summary>
    public int Count { get; } = count;
}
