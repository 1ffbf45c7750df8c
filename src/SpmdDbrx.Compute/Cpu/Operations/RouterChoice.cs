namespace SpmdDbrx.Compute.Cpu;

/// <summary>Softmax over all experts, the top k of it, division by their p-norm. A handful of values a token: scalar.</summary>
internal static unsafe class RouterChoice
{
    /// <param name="logits">[experts]; overwritten with probabilities.</param>
    /// <param name="normalizationPower">p of the norm; null = no normalisation.</param>
    /// <param name="experts">[k] receives the choice in descending order of weight.</param>
    /// <param name="weights">[k] receives its weights.</param>
    public static void Choose(ReadOnlySpan<float> logits, float? normalizationPower, Span<int> experts, Span<float> weights)
    {
        float largest = float.NegativeInfinity;
        foreach (float logit in logits)
            largest = MathF.Max(largest, logit);
        float sum = 0;
        foreach (float logit in logits)
            sum += MathF.Exp(logit - largest);
        for (int rank = 0; rank < experts.Length; rank++)
        {
            int best = Best(logits, experts[..rank]);
            experts[rank] = best;
            weights[rank] = MathF.Exp(logits[best] - largest) / sum;
        }
        if (normalizationPower is float power)
            Normalize(weights, power);
    }

    /// <summary>Index of the largest logit that is not taken yet; the lower one of equals.</summary>
    private static int Best(ReadOnlySpan<float> logits, ReadOnlySpan<int> taken)
    {
        int best = -1;
        for (int expert = 0; expert < logits.Length; expert++)
        {
            if (!taken.Contains(expert) && (best < 0 || logits[expert] > logits[best]))
                best = expert;
        }
        return best;
    }

    private static void Normalize(Span<float> weights, float power)
    {
        float sum = 0;
        foreach (float weight in weights)
            sum += power == 1f ? weight : MathF.Pow(weight, power);
        float norm = power == 1f ? sum : MathF.Pow(sum, 1f / power);
        foreach (ref float weight in weights)
            weight /= norm;
    }
}
