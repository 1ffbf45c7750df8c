using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Decoding;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Session;

/// <summary>What a rank allocates beside the weights that it maps.</summary>
public static class RankBuffers
{
    /// <summary>Rows of logits computed at once.</summary>
    internal const int LogitRows = 32;

    /// <summary>Bytes of the KV cache, of the activations, and of what a GPU keeps between the products of its experts when all tokens of a batch choose them.</summary>
    /// <param name="config">The model.</param>
    /// <param name="contextLength">Positions of the cache.</param>
    /// <param name="options">Batch, and whether sums are deterministic.</param>
    public static long BytesOf(ModelConfig config, int contextLength, EngineOptions options)
    {
        int batch = Math.Min(options.BatchTokens, contextLength);
        long expertRows = (long)batch * config.TopK;
        return KvCache.BytesOf(config.LayerCount, config.Attention, contextLength)
            + Workspace.BytesOf(config, batch, Math.Min(LogitRows, batch), options.Deterministic ? config.TopK : 1)
            + (sizeof(float) * expertRows * (config.ExpertHiddenDim + config.HiddenDim));
    }
}
