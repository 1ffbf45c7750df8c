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

    /// <summary>w1, v1 and w2 of one expert of one layer.</summary>
    public double ExpertWeights => 3.0 * config.HiddenDim * config.ExpertHiddenDim;

    /// <summary>Bytes of one expert of one layer.</summary>
    public double ExpertBytes => ExpertWeights * elementBytes;

    /// <summary>Bytes that a rank which runs attention reads for one generated token, experts excluded.</summary>
    /// <param name="position">Tokens in the cache, the new one included.</param>
    public double ReplicatedBytes(double position) =>
        (((config.LayerCount * LayerWeights) + LmHeadWeights) * elementBytes)
        + (config.LayerCount * 2.0 * config.Attention.KvDim * sizeof(float) * position);

    /// <summary>Operations of a rank which runs attention, for a batch of consecutive tokens, with the logits of some of them; experts excluded.</summary>
    public double ReplicatedFlop(int tokens, int depth, int logitRows)
    {
        double keysSeen = ((double)tokens * depth) + (tokens * (tokens + 1.0) / 2);
        double attention = config.LayerCount * 2 * FlopPerWeight * config.Attention.QueryDim * keysSeen;
        return (FlopPerWeight * ((tokens * config.LayerCount * LayerWeights) + (logitRows * LmHeadWeights))) + attention;
    }

    /// <summary>Operations of the experts of so many tokens, all ranks together.</summary>
    public double ExpertFlop(int tokens) => FlopPerWeight * (double)tokens * config.LayerCount * config.TopK * ExpertWeights;
}
