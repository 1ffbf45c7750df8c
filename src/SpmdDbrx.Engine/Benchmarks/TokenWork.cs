using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>What the forward pass of a model has to read and to compute: the floor of every measurement.</summary>
/// <param name="config">The model.</param>
/// <param name="attentionTeams">Which ranks share out attention; null = every rank runs all.</param>
internal sealed class TokenWork(ModelConfig config, RankTeams? attentionTeams = null)
{
    private const int FlopPerWeight = 2;
    private readonly double elementBytes = config.WeightType.ElementBytes();

    /// <summary>Wqkv and the attention's output.</summary>
    private double ProductWeights => (double)config.HiddenDim * (config.Attention.QkvDim + config.Attention.QueryDim);

    private double RouterWeights => (double)config.HiddenDim * config.ExpertCount;

    private double LmHeadWeights => (double)config.VocabularySize * config.HiddenDim;

    /// <summary>Bytes of the LM head, read once for a generated token and once for a prompt.</summary>
    public double LmHeadBytes => LmHeadWeights * elementBytes;

    /// <summary>w1, v1 and w2 of one expert of one layer.</summary>
    public double ExpertWeights => 3.0 * config.HiddenDim * config.ExpertHiddenDim;

    /// <summary>Bytes of one expert of one layer.</summary>
    public double ExpertBytes => ExpertWeights * elementBytes;

    /// <summary>Bytes that a rank which runs attention reads for generated tokens, on average over the ranks; experts and LM head excluded.</summary>
    /// <param name="tokens">Tokens, each a batch of its own.</param>
    /// <param name="depth">Tokens in the cache before the first.</param>
    public double GenerationBytes(int tokens, int depth) => LayerBytes(tokens, depth, batchTokens: 1);

    /// <summary>Bytes that a rank which runs attention reads for a prompt, on average over the ranks; experts and LM head excluded: weights and the cache once a batch.</summary>
    /// <param name="tokens">Tokens of the prompt.</param>
    /// <param name="depth">Tokens in the cache before it.</param>
    /// <param name="batchTokens">Most tokens of a batch.</param>
    public double PromptBytes(int tokens, int depth, int batchTokens) => LayerBytes(tokens, depth, batchTokens);

    /// <summary>Operations of a rank which runs attention, for consecutive tokens, on average over the ranks; experts and LM head excluded.</summary>
    /// <param name="tokens">Tokens.</param>
    /// <param name="depth">Tokens in the cache before the first.</param>
    /// <param name="batchTokens">Most tokens of a batch.</param>
    public double ReplicatedFlop(int tokens, int depth, int batchTokens)
    {
        double perLayer = 0;
        foreach ((int first, int count) in Batches(tokens, batchTokens))
        {
            double keysSeen = ((double)count * (depth + first)) + (count * (count + 1.0) / 2);
            perLayer += (AttentionPart(count) * ((count * ProductWeights) + (2 * config.Attention.QueryDim * keysSeen))) + (count * RouterWeights);
        }
        return FlopPerWeight * config.LayerCount * perLayer;
    }

    private double LayerBytes(int tokens, int depth, int batchTokens)
    {
        double perLayer = 0;
        foreach ((int first, int count) in Batches(tokens, batchTokens))
        {
            double cacheBytes = 2.0 * config.Attention.KvDim * sizeof(float) * (depth + first + count);
            perLayer += (AttentionPart(count) * ((ProductWeights * elementBytes) + cacheBytes)) + (RouterWeights * elementBytes);
        }
        return config.LayerCount * perLayer;
    }

    /// <summary>The part of attention that a rank, on average, runs for a batch.</summary>
    private double AttentionPart(int batch) => attentionTeams is { } teams && batch <= teams.Batch ? (double)teams.Count / teams.Ranks : 1;

    private static IEnumerable<(int First, int Tokens)> Batches(int tokens, int batchTokens)
    {
        for (int first = 0; first < tokens; first += batchTokens)
            yield return (first, Math.Min(batchTokens, tokens - first));
    }

    /// <summary>Operations of the LM head for the logits of one token.</summary>
    public double LmHeadFlop => FlopPerWeight * LmHeadWeights;

    /// <summary>Operations of the experts of so many tokens, all ranks together.</summary>
    public double ExpertFlop(int tokens) => FlopPerWeight * (double)tokens * config.LayerCount * config.TopK * ExpertWeights;
}
