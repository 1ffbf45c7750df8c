namespace SpmdDbrx.Engine.Performance;

/// <summary>What is asked of the model, by one user.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="ContextTokens">Tokens in the KV cache while a token is generated.</param>
public sealed record Workload(int PromptTokens, int ContextTokens)
{
    /// <summary>Positions for which the KV cache has room.</summary>
    public int CacheTokens { get; init; } = Math.Max(PromptTokens, ContextTokens);

    /// <summary>Most tokens of a prompt that pass the layers together; weights are read once for all of them.</summary>
    public int BatchTokens { get; init; } = PromptTokens;

    /// <summary>Tokens in the KV cache before the prompt.</summary>
    public int PromptDepth { get; init; }

    /// <summary>[P1] §5: 128 prompt and 128 generated tokens; the cache holds 192 on average.</summary>
    public static Workload Paper { get; } = new(128, 192);
}
