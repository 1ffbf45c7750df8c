using System.Text.Json;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Dbrx;

/// <summary>Writes DBRX's config.json, so that <see cref="DbrxConfig"/> and other programs read it.</summary>
internal static class DbrxConfigText
{
    /// <summary>The file's text in UTF-8.</summary>
    public static byte[] Write(ModelConfig config)
    {
        Dictionary<string, object?> attention = new()
        {
            ["clip_qkv"] = config.ClipQkv,
            ["kv_n_heads"] = config.KvHeadCount,
            ["rope_theta"] = config.RopeTheta,
        };
        Dictionary<string, object?> experts = new()
        {
            ["ffn_hidden_size"] = config.ExpertHiddenDim,
            ["moe_normalize_expert_weights"] = config.RouterNormalizationPower,
            ["moe_num_experts"] = config.ExpertCount,
            ["moe_top_k"] = config.TopK,
        };
        Dictionary<string, object?> root = new()
        {
            ["architectures"] = new[] { "DbrxForCausalLM" },
            ["attn_config"] = attention,
            ["d_model"] = config.HiddenDim,
            ["ffn_config"] = experts,
            ["max_seq_len"] = config.ContextLength,
            ["model_type"] = "dbrx",
            ["n_heads"] = config.HeadCount,
            ["n_layers"] = config.LayerCount,
            ["tie_word_embeddings"] = false,
            ["torch_dtype"] = config.WeightType switch
            {
                ElementType.BFloat16 => "bfloat16",
                ElementType.Float16 => "float16",
                _ => "float32",
            },
            ["vocab_size"] = config.VocabularySize,
        };
        return JsonSerializer.SerializeToUtf8Bytes(root, Indented);
    }

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
}
