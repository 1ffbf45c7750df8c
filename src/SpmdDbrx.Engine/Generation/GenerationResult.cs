namespace SpmdDbrx.Engine.Generation;

/// <summary>Why a text ended.</summary>
public enum FinishReason
{
    /// <summary>MaxTokens generated, or the context is full.</summary>
    Length,

    /// <summary>A stop token or stop text.</summary>
    Stop,
}

/// <summary>One generated text.</summary>
/// <param name="Tokens">Generated ids, a final stop token included.</param>
/// <param name="Text">Their text, without stop token and stop text.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="Prompt">Prefill: time and counts.</param>
/// <param name="Decode">Decode steps: time and counts.</param>
public sealed record GenerationResult(
    IReadOnlyList<int> Tokens, string Text, FinishReason FinishReason, PhaseStatistics Prompt, PhaseStatistics Decode);
