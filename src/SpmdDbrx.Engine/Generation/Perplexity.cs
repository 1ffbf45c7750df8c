using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Decoding;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Generation;

/// <summary>How well a model predicts a text.</summary>
/// <param name="Predictions">Tokens predicted.</param>
/// <param name="NegativeLogLikelihood">Sum over them of −ln p.</param>
public readonly record struct PerplexityResult(long Predictions, double NegativeLogLikelihood)
{
    /// <summary>Mean of −ln p, nats a token.</summary>
    public double Mean => NegativeLogLikelihood / Predictions;

    /// <summary>exp(mean).</summary>
    public double Perplexity => Math.Exp(Mean);
}

/// <summary>Measures perplexity window by window: each window runs alone, positions 1 … are predicted from the ones before.</summary>
public sealed class PerplexityMeter(RankSession session)
{
    private readonly Decoder decoder = session.Decoder;

    /// <summary>Scores one window.</summary>
    /// <param name="window">Token ids, at most the context.</param>
    /// <returns>Where attention runs; elsewhere zero likelihood for the same number of predictions.</returns>
    public PerplexityResult Score(ReadOnlySpan<int> window)
    {
        double sum = 0;
        session.World.Activity.Begin("scoring", "layer");
        for (int start = 0; start < window.Length; start += decoder.BatchCapacity)
        {
            ReadOnlySpan<int> batch = window.Slice(start, Math.Min(decoder.BatchCapacity, window.Length - start));
            decoder.Forward(batch, start);
            if (session.Exchange.RunsAttention)
                sum += ScoreBatch(batch.Length, window[(start + 1)..]);
        }
        return new PerplexityResult(Math.Max(0, window.Length - 1), sum);
    }

    /// <param name="rows">Tokens of the batch.</param>
    /// <param name="targets">The token after each of them, as far as there is one.</param>
    private double ScoreBatch(int rows, ReadOnlySpan<int> targets)
    {
        double sum = 0;
        int predicted = Math.Min(rows, targets.Length);
        for (int first = 0; first < predicted; first += decoder.LogitCapacity)
        {
            Activations logits = decoder.Logits(first, Math.Min(decoder.LogitCapacity, predicted - first));
            for (int row = 0; row < logits.Rows; row++)
                sum += NegativeLogProbability(logits.Row(row), targets[first + row]);
        }
        return sum;
    }

    private static double NegativeLogProbability(ReadOnlySpan<float> logits, int target)
    {
        float largest = float.NegativeInfinity;
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        double total = 0;
        foreach (float logit in logits)
            total += Math.Exp((double)logit - largest);
        double result = largest - (double)logits[target] + Math.Log(total);
        if (!double.IsFinite(result))
            throw new EngineException("the logits are not finite: a weight is NaN or infinite, or an activation overflowed; run verify on the model");
        return result;
    }
}
