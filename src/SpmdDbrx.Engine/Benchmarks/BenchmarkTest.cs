namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>One test in llama-bench's terms: "pp512" processes a prompt of 512 tokens, "tg128" generates 128 tokens, "@ d8000" behind 8,000 others.</summary>
/// <param name="IsPrompt">Prompt processing, or generation.</param>
/// <param name="Tokens">Tokens processed or generated.</param>
/// <param name="Depth">Tokens already in the KV cache.</param>
public readonly record struct BenchmarkTest(bool IsPrompt, int Tokens, int Depth)
{
    /// <summary>Positions the KV cache must hold.</summary>
    public int ContextLength => Depth + Tokens;

    public override string ToString() => $"{(IsPrompt ? "pp" : "tg")}{Tokens}{(Depth > 0 ? $" @ d{Depth}" : "")}";
}
