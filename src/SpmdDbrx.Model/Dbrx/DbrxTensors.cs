namespace SpmdDbrx.Model.Dbrx;

/// <summary>Names and shapes of the tensors of a DBRX checkpoint in Hugging Face layout.</summary>
internal static class DbrxTensors
{
    public const string Embedding = "transformer.wte.weight";
    public const string FinalNorm = "transformer.norm_f.weight";
    public const string LmHead = "lm_head.weight";

    public static string AttentionNorm(int layer) => $"transformer.blocks.{layer}.norm_attn_norm.norm_1.weight";

    public static string Wqkv(int layer) => $"transformer.blocks.{layer}.norm_attn_norm.attn.Wqkv.weight";

    public static string AttentionOutput(int layer) => $"transformer.blocks.{layer}.norm_attn_norm.attn.out_proj.weight";

    public static string ExpertNorm(int layer) => $"transformer.blocks.{layer}.norm_attn_norm.norm_2.weight";

    public static string Router(int layer) => $"transformer.blocks.{layer}.ffn.router.layer.weight";

    /// <summary>w1, v1 or w2 of all experts of a layer, one below the other; these three have no ".weight".</summary>
    public static string Experts(int layer, string matrix) => $"transformer.blocks.{layer}.ffn.experts.mlp.{matrix}";

    /// <summary>How many tensors a checkpoint has.</summary>
    public static long Count(ModelConfig config) => 3L + (8L * config.LayerCount);

    /// <summary>Every tensor with its shape, in the order of the forward pass.</summary>
    public static IEnumerable<(string Name, long[] Shape)> All(ModelConfig config)
    {
        long hidden = config.HiddenDim;
        yield return (Embedding, [config.VocabularySize, hidden]);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            yield return (AttentionNorm(layer), [hidden]);
            yield return (Wqkv(layer), [config.Attention.QkvDim, hidden]);
            yield return (AttentionOutput(layer), [hidden, config.Attention.QueryDim]);
            yield return (ExpertNorm(layer), [hidden]);
            yield return (Router(layer), [config.ExpertCount, hidden]);
            long expertRows = (long)config.ExpertCount * config.ExpertHiddenDim;
            yield return (Experts(layer, "w1"), [expertRows, hidden]);
            yield return (Experts(layer, "v1"), [expertRows, hidden]);
            yield return (Experts(layer, "w2"), [expertRows, hidden]);
        }
        yield return (FinalNorm, [hidden]);
        yield return (LmHead, [config.VocabularySize, hidden]);
    }
}
