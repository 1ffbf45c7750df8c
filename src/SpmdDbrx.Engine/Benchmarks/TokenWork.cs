using SpmdDbrx.Compute;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>What the forward pass of a model has to read and to compute: the floor of every measurement.</summary>
internal sealed class TokenWork(ModelConfig config)
{
    private const int FlopPerWeight = 2;
    private readonly double elementBytes = config.WeightType.ElementBytes();

    private double LayerWeights =>
        (double)config.HiddenDim * (config.Attention.QkvDim + config.Attention.QueryDim + config.ExpertCount);

    private double LmHeadWeights => (double)config.VocabularySize * config.HiddenDim;

    /// <summary>Bytes of the LM head, read once for a generated token and once for a prompt.</summary>
    public double LmHeadBytes => LmHeadWeights * elementBytes;

    /// <summary>w1, v1 and w2 of one expert of one layer.</summary>
    public double ExpertWeights => 3.0 * config.HiddenDim * config.ExpertHiddenDim;

    /// <summary>Bytes of one expert of one layer.</summary>
    public double ExpertBytes => ExpertWeights * elementBytes;

    /// <summary>Bytes that a rank which runs attention reads for generated tokens, experts and LM head excluded.</summary>
    /// <param name="tokens">Tokens, each a batch of its own.</param>
    /// <param name="depth">Tokens in the cache before the first.</param>
    public double GenerationBytes(int tokens, int depth) => LayerBytes(tokens, depth, batchTokens: 1);

    /// <summary>Bytes that a rank which runs attention reads for a prompt, experts and LM head excluded: weights and the cache once a batch.</summary>
    /// <param name="tokens">Tokens of the prompt.</param>
    /// <param name="depth">Tokens in the cache before it.</param>
    /// <param name="batchTokens">Most tokens of a batch.</param>
    public double PromptBytes(int tokens, int depth, int batchTokens) => LayerBytes(tokens, depth, batchTokens);

    /// <summary>Operations of a rank which runs attention, for consecutive tokens; experts and LM head excluded.</summary>
    public double ReplicatedFlop(int tokens, int depth)
    {
        double keysSeen = ((double)tokens * depth) + (tokens * (tokens + 1.0) / 2);
        double attention = config.LayerCount * 2 * FlopPerWeight * config.Attention.QueryDim * keysSeen;
        return (FlopPerWeight * tokens * config.LayerCount * LayerWeights) + attention;
    }

    private double LayerBytes(int tokens, int depth, int batchTokens)
    {
        double batches = Math.Ceiling((double)tokens / batchTokens);
        double positions = 0;
        for (int first = 0; first < tokens; first += batchTokens)
            positions += depth + Math.Min(first + batchTokens, tokens);
        return config.LayerCount * ((batches * LayerWeights * elementBytes) + (2.0 * config.Attention.KvDim * sizeof(float) * positions));
    }

    /// <summary>Operations of the LM head for the logits of one token.</summary>
    public double LmHeadFlop => FlopPerWeight * LmHeadWeights;

    /// <summary>Operations of the experts of so many tokens, all ranks together.</summary>
    public double ExpertFlop(int tokens) => FlopPerWeight * (double)tokens * config.LayerCount * config.TopK * ExpertWeights;
}
