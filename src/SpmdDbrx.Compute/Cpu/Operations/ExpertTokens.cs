namespace SpmdDbrx.Compute.Cpu;

/// <summary>One expert and tokens that it computes.</summary>
internal readonly unsafe struct ExpertTokens(
    WeightPointer w1, WeightPointer v1, WeightPointer w2, int* inputRows, int* outputRows, float* weights, int count)
{
    public WeightPointer W1 { get; } = w1;

    public WeightPointer V1 { get; } = v1;

    public WeightPointer W2 { get; } = w2;

    /// <summary>Input row of each token.</summary>
    public int* InputRows { get; } = inputRows;

    /// <summary>Output row of each token.</summary>
    public int* OutputRows { get; } = outputRows;

    /// <summary>What each token's result is multiplied with.</summary>
    public float* Weights { get; } = weights;

    /// <summary>Tokens.</summary>
    public int Count { get; } = count;

    /// <summary>The same expert with fewer tokens.</summary>
    public ExpertTokens Slice(int start, int count) => new(W1, V1, W2, InputRows + start, OutputRows + start, Weights + start, count);
}
