namespace SpmdDbrx.Engine.Performance.Inputs;

/// <summary>Reads a <see cref="ModelShape"/> from the config.json of a Hugging Face model: DBRX's nested schema, or the flat one that Mixtral and most others use.</summary>
internal static class HuggingFaceShape
{
    /// <summary>Fields of models whose layers have parts that the performance model does not know; ignoring them would give wrong answers.</summary>
    private static readonly string[] UnknownParts =
        ["kv_lora_rank", "q_lora_rank", "n_shared_experts", "num_shared_experts", "shared_expert_intermediate_size", "first_k_dense_replace", "linear_num_key_heads"];

    /// <summary>Whether a top-level object is such a file.</summary>
    public static bool Matches(JsonField top) => top.Optional("model_type") is not null;

    /// <summary>Reads the sizes.</summary>
    /// <exception cref="InvalidInputException">A size is missing, wrong, or belongs to a part that is not modelled.</exception>
    public static ModelShape Read(JsonField top, string name) =>
        top["model_type"].Text() == "dbrx" ? ReadDbrx(top, name) : ReadFlat(top, name);

    private static ModelShape ReadDbrx(JsonField top, string name)
    {
        JsonField attention = top["attn_config"];
        JsonField experts = top["ffn_config"];
        int headCount = top["n_heads"].Integer(1, 1 << 16);
        int hiddenDim = top["d_model"].Integer(1, 1 << 20);
        int expertCount = experts["moe_num_experts"].Integer(1, 65_536);
        return new ModelShape
        {
            Name = name,
            Title = $"{name} (dbrx)",
            HiddenDim = hiddenDim,
            LayerCount = top["n_layers"].Integer(1, 10_000),
            HeadCount = headCount,
            KvHeadCount = attention["kv_n_heads"].Integer(1, headCount),
            HeadDim = DivideByHeads(top["d_model"], hiddenDim, headCount),
            ExpertCount = expertCount,
            TopK = experts["moe_top_k"].Integer(1, expertCount),
            ExpertHiddenDim = experts["ffn_hidden_size"].Integer(1, 1 << 24),
            VocabularySize = top["vocab_size"].Integer(1, 1 << 26),
        };
    }

    private static ModelShape ReadFlat(JsonField top, string name)
    {
        foreach (string part in UnknownParts)
        {
            if (top.Optional(part) is { } field && !field.IsZero)
                throw field.Wrong("no such field: the performance model does not know this part of the architecture");
        }
        int headCount = top["num_attention_heads"].Integer(1, 1 << 16);
        int hiddenDim = top["hidden_size"].Integer(1, 1 << 20);
        JsonField? experts = top.Optional("num_local_experts") ?? top.Optional("num_experts") ?? top.Optional("n_routed_experts");
        int expertCount = experts?.Integer(1, 65_536) ?? 1;
        JsonField ffn = top.Optional("moe_intermediate_size") ?? top["intermediate_size"];
        return new ModelShape
        {
            Name = name,
            Title = $"{name} ({top["model_type"].Text()})",
            HiddenDim = hiddenDim,
            LayerCount = top["num_hidden_layers"].Integer(1, 10_000),
            HeadCount = headCount,
            KvHeadCount = top.Optional("num_key_value_heads")?.Integer(1, headCount) ?? headCount,
            HeadDim = top.Optional("head_dim")?.Integer(1, 1 << 16) ?? DivideByHeads(top["hidden_size"], hiddenDim, headCount),
            ExpertCount = expertCount,
            TopK = experts is null ? 1 : top["num_experts_per_tok"].Integer(1, expertCount),
            ExpertHiddenDim = ffn.Integer(1, 1 << 24),
            VocabularySize = top["vocab_size"].Integer(1, 1 << 26),
        };
    }

    private static int DivideByHeads(JsonField field, int hiddenDim, int headCount) =>
        hiddenDim % headCount == 0 ? hiddenDim / headCount : throw field.Wrong($"a multiple of the {headCount} heads");
}
