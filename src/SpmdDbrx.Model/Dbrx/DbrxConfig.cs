using System.Text.Json;
using SpmdDbrx.Compute;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Dbrx;

/// <summary>Reads DBRX's config.json. Absent fields take the defaults of the official configuration class (transformers, configuration_dbrx.py).</summary>
internal static class DbrxConfig
{
    // Limits far above any model, so that every product below fits its type: a bad size is refused here and not where it overflows.
    private const int MaximumDim = 1 << 20;
    private const int MaximumLayers = 1 << 14;
    private const int MaximumExperts = 1 << 14;
    private const int MaximumExpertHiddenDim = 1 << 24;
    private const int MaximumVocabulary = 1 << 26;
    private const int MaximumContext = 1 << 28;

    /// <summary>The sizes and constants in <paramref name="root"/>, all checked. The stored type of the weights comes from their files.</summary>
    /// <exception cref="InvalidModelException">A field is missing, out of range, of the wrong kind, or asks for what is not supported.</exception>
    public static ModelConfig Read(JsonFields root)
    {
        RequireDbrx(root);
        if (root.Value("tie_word_embeddings") is { ValueKind: not JsonValueKind.False })
            throw root.Wrong("tie_word_embeddings", "false (DBRX has an LM head of its own)");
        JsonFields attention = root.ObjectOrEmpty("attn_config");
        JsonFields experts = root.ObjectOrEmpty("ffn_config");
        RequireSilu(experts);

        int hiddenDim = root.Size("d_model", MaximumDim, 2048);
        int headCount = root.Size("n_heads", MaximumDim, 16);
        int kvHeadCount = attention.Size("kv_n_heads", MaximumDim, 1);
        int expertCount = experts.Size("moe_num_experts", MaximumExperts, 4);
        int topK = experts.Size("moe_top_k", MaximumExperts, 1);
        if (hiddenDim % headCount != 0 || hiddenDim / headCount % 2 != 0)
            throw root.Wrong("n_heads", $"a number of heads that gives each an even part of d_model = {hiddenDim}");
        if (kvHeadCount > headCount || headCount % kvHeadCount != 0)
            throw attention.Wrong("kv_n_heads", $"a divisor of n_heads = {headCount}");
        if (topK > expertCount)
            throw experts.Wrong("moe_top_k", $"at most moe_num_experts = {expertCount}");

        return new ModelConfig
        {
            Architecture = "dbrx",
            HiddenDim = hiddenDim,
            LayerCount = root.Size("n_layers", MaximumLayers, 24),
            HeadCount = headCount,
            KvHeadCount = kvHeadCount,
            HeadDim = hiddenDim / headCount,
            ClipQkv = (float?)attention.Positive("clip_qkv", absent: null),
            RopeTheta = attention.Positive("rope_theta", absent: 10000) ?? throw attention.Wrong("rope_theta", "a positive number"),
            ExpertCount = expertCount,
            TopK = topK,
            ExpertHiddenDim = experts.Size("ffn_hidden_size", MaximumExpertHiddenDim, 3584),
            RouterNormalizationPower = (float?)experts.Positive("moe_normalize_expert_weights", absent: 1),
            VocabularySize = root.Size("vocab_size", MaximumVocabulary, 32000),
            ContextLength = root.Size("max_seq_len", MaximumContext, 2048),
            WeightType = DeclaredType(root),
        };
    }

    private static void RequireDbrx(JsonFields root)
    {
        if (root.Has("model_type"))
        {
            if (root.Text("model_type") != "dbrx")
                throw root.Wrong("model_type", "\"dbrx\"");
            return;
        }
        bool isDbrx = root.Value("architectures") is { ValueKind: JsonValueKind.Array } names
            && names.EnumerateArray().Any(name => name.ValueKind == JsonValueKind.String && name.ValueEquals("DbrxForCausalLM"));
        if (!isDbrx)
            throw root.Wrong("model_type", "\"dbrx\"");
    }

    private static void RequireSilu(JsonFields experts)
    {
        if (experts.Object("ffn_act_fn") is { } activation && activation.Text("name") != "silu")
            throw activation.Wrong("name", "\"silu\" (the only activation of DBRX's experts that is supported)");
    }

    /// <summary>Older files say torch_dtype, newer ones dtype, some neither.</summary>
    private static ElementType DeclaredType(JsonFields root)
    {
        string field = root.Value("torch_dtype") is null ? "dtype" : "torch_dtype";
        return root.Text(field) switch
        {
            null or "bfloat16" or "torch.bfloat16" => ElementType.BFloat16,
            "float16" or "torch.float16" => ElementType.Float16,
            "float32" or "torch.float32" => ElementType.Float32,
            _ => throw root.Wrong(field, "\"bfloat16\", \"float16\" or \"float32\""),
        };
    }
}
