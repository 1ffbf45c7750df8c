using SpmdDbrx.Engine.Sampling;

namespace SpmdDbrx.Engine.Generation;

/// <summary>One text to generate.</summary>
public sealed record GenerationRequest
{
    /// <summary>Token ids of the prompt, at least one; equal on every rank.</summary>
    public required IReadOnlyList<int> PromptTokens { get; init; }

    /// <summary>Most tokens to generate.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Tokens that end the text; they are returned, not printed. Empty to never stop.</summary>
    public IReadOnlyCollection<int> StopTokens { get; init; } = [];

    /// <summary>Strings that end the text; neither returned as text nor printed.</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];

    /// <summary>Receives text as it becomes final.</summary>
    public Action<string>? OnText { get; init; }

    /// <summary>Receives the logits of every position in order, [vocabulary] each, prompt included.</summary>
    public LogitConsumer? OnLogits { get; init; }
}

/// <summary>Receives the logits of one position.</summary>
/// <param name="position">The position.</param>
/// <param name="logits">[vocabulary]; valid during the call.</param>
public delegate void LogitConsumer(int position, ReadOnlySpan<float> logits);
