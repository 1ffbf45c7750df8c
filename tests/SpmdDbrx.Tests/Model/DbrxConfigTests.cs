using System.Text.Json.Nodes;
using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Model;

public sealed class DbrxConfigTests(SmallCheckpointFixture fixture) : IClassFixture<SmallCheckpointFixture>
{
    [Fact]
    public void Open_TinyModel_ReadsEveryField()
    {
        ModelConfig config = ModelDirectory.Open(RepositoryPaths.TinyModel).Config;

        Assert.Equal(
            new ModelConfig
            {
                Architecture = "dbrx",
                HiddenDim = 128,
                LayerCount = 4,
                HeadCount = 4,
                KvHeadCount = 2,
                HeadDim = 32,
                ClipQkv = 8,
                RopeTheta = 500000,
                NormEpsilon = 1e-5f,
                ExpertCount = 16,
                TopK = 4,
                ExpertHiddenDim = 192,
                RouterNormalizationPower = 1,
                VocabularySize = 2048,
                ContextLength = 512,
                WeightType = ElementType.BFloat16,
            },
            config);
    }

    [Fact]
    public void Open_SyntheticCheckpoint_ReadsBackWhatWasWritten() =>
        Assert.Equal(SmallCheckpoint.Config, ModelDirectory.Open(fixture.Path).Config);

    [Theory]
    [InlineData("absent", 1f)]
    [InlineData("null", null)]
    [InlineData("2", 2f)]
    [InlineData("1.5", 1.5f)]
    public void NormalizeExpertWeights_AbsentNullOrNumber_IsOneNoneOrThatNumber(string json, float? expected)
    {
        ModelConfig config = OpenWith(root => Set(root["ffn_config"]!.AsObject(), "moe_normalize_expert_weights", json));

        Assert.Equal(expected, config.RouterNormalizationPower);
    }

    [Theory]
    [InlineData("absent", null)]
    [InlineData("null", null)]
    [InlineData("8", 8f)]
    [InlineData("0.25", 0.25f)]
    public void ClipQkv_AbsentNullOrNumber_IsNoneOrThatNumber(string json, float? expected) =>
        Assert.Equal(expected, OpenWith(root => Set(root["attn_config"]!.AsObject(), "clip_qkv", json)).ClipQkv);

    [Theory]
    [InlineData("n_layers", "3.0")]
    [InlineData("num_key_value_heads", "99")]
    [InlineData("eos_token_id", "[1, 2]")]
    [InlineData("eos_token_id", "7")]
    [InlineData("torch_dtype", "absent")]
    [InlineData("torch_dtype", "null")]
    [InlineData("architectures", "absent")]
    [InlineData("transformers_version", "\"5.0.0\"")]
    public void Open_HarmlessVariant_ReadsTheSame(string field, string json) =>
        Assert.Equal(SmallCheckpoint.Config, OpenWith(root => Set(root, field, json)));

    [Fact]
    public void Open_DtypeInsteadOfTorchDtype_ReadsTheSame()
    {
        ModelConfig config = OpenWith(root =>
        {
            Set(root, "torch_dtype", "absent");
            Set(root, "dtype", "\"bfloat16\"");
        });

        Assert.Equal(SmallCheckpoint.Config, config);
    }

    [Fact]
    public void Open_ActivationGivenAsSilu_ReadsTheSame() =>
        Assert.Equal(SmallCheckpoint.Config, OpenWith(root => Set(root["ffn_config"]!.AsObject(), "ffn_act_fn", "{\"name\": \"silu\"}")));

    [Theory]
    [InlineData("attn_config", "kv_n_heads", "absent", 1)]
    [InlineData("attn_config", "rope_theta", "absent", 10000)]
    public void Open_AbsentField_TakesTheOfficialDefault(string part, string field, string json, double expected)
    {
        ModelConfig config = OpenWith(root => Set(root[part]!.AsObject(), field, json));

        Assert.Equal(expected, field == "kv_n_heads" ? config.KvHeadCount : config.RopeTheta);
    }

    [Theory]
    [InlineData("", "model_type", "\"llama\"", "\"dbrx\"", "llama")]
    [InlineData("", "d_model", "0", "from 1 to", "0")]
    [InlineData("", "d_model", "-42", "from 1 to", "-42")]
    [InlineData("", "d_model", "42.5", "from 1 to", "42.5")]
    [InlineData("", "d_model", "\"42\"", "from 1 to", "\"42\"")]
    [InlineData("", "d_model", "null", "from 1 to", "null")]
    [InlineData("", "d_model", "1e300", "from 1 to", "1e300")]
    [InlineData("", "d_model", "99999999999999999999", "from 1 to", "99999999999999999999")]
    [InlineData("", "d_model", "9223372036854775807", "from 1 to", "9223372036854775807")]
    [InlineData("", "n_layers", "2147483647", "from 1 to", "2147483647")]
    [InlineData("", "n_heads", "5", "even part of d_model = 42", "5")]
    [InlineData("", "n_heads", "42", "even part of d_model = 42", "42")]
    [InlineData("", "vocab_size", "[101]", "from 1 to", "array")]
    [InlineData("", "max_seq_len", "true", "from 1 to", "true")]
    [InlineData("", "torch_dtype", "\"int8\"", "bfloat16", "int8")]
    [InlineData("", "tie_word_embeddings", "true", "false", "true")]
    [InlineData("", "attn_config", "[]", "an object", "array")]
    [InlineData("attn_config", "kv_n_heads", "2", "divisor of n_heads = 7", "2")]
    [InlineData("attn_config", "kv_n_heads", "14", "divisor of n_heads = 7", "14")]
    [InlineData("attn_config", "clip_qkv", "0", "positive", "0")]
    [InlineData("attn_config", "clip_qkv", "-8", "positive", "-8")]
    [InlineData("attn_config", "clip_qkv", "\"8\"", "positive", "\"8\"")]
    [InlineData("attn_config", "rope_theta", "null", "positive", "null")]
    [InlineData("attn_config", "rope_theta", "1e400", "positive", "1e400")]
    [InlineData("ffn_config", "moe_num_experts", "0", "from 1 to", "0")]
    [InlineData("ffn_config", "moe_top_k", "6", "at most moe_num_experts = 5", "6")]
    [InlineData("ffn_config", "moe_normalize_expert_weights", "-1", "positive", "-1")]
    [InlineData("ffn_config", "ffn_hidden_size", "1e9", "from 1 to", "1e9")]
    [InlineData("ffn_config", "ffn_act_fn", "{\"name\": \"gelu\"}", "silu", "gelu")]
    [InlineData("ffn_config", "ffn_act_fn", "\"silu\"", "an object", "silu")]
    public void Open_BadField_NamesFieldExpectedAndFound(string part, string field, string json, string expected, string found) =>
        Refusal.Of(
            () => OpenWith(root => Set(part.Length == 0 ? root : root[part]!.AsObject(), field, json)),
            "config.json", part.Length == 0 ? field : $"{part}.{field}", expected, found);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{} x")]
    [InlineData("{\"d_model\": 1, \"d_model\": 2}")]
    [InlineData("{\"d_model\": NaN}")]
    [InlineData("{\"model_type\": \"\\ud800\"}")]
    public void Open_NotAConfig_IsRefused(string text)
    {
        using TemporaryDirectory folder = new();
        SmallCheckpoint.Copy(fixture.Path, folder["m"]);
        File.WriteAllText(folder["m/config.json"], text);

        Refusal.Of(() => ModelDirectory.Open(folder["m"]), "config.json");
    }

    [Fact]
    public void Open_DeeplyNestedConfig_IsRefused()
    {
        using TemporaryDirectory folder = new();
        SmallCheckpoint.Copy(fixture.Path, folder["m"]);
        File.WriteAllText(folder["m/config.json"], "{\"a\":" + new string('[', 1_000_000));

        Refusal.Of(() => ModelDirectory.Open(folder["m"]), "config.json", "depth");
    }

    [Fact]
    public void Open_HugeConfig_IsRefusedUnread()
    {
        using TemporaryDirectory folder = new();
        SmallCheckpoint.Copy(fixture.Path, folder["m"]);
        using (FileStream stream = File.OpenWrite(folder["m/config.json"]))
            stream.SetLength(1L << 40);

        Refusal.Of(() => ModelDirectory.Open(folder["m"]), "config.json", "at most", "1099511627776");
    }

    private static void Set(JsonObject target, string field, string json)
    {
        if (json == "absent")
            target.Remove(field);
        else
            target[field] = JsonNode.Parse(json);
    }

    private ModelConfig OpenWith(Action<JsonObject> change)
    {
        using TemporaryDirectory folder = new();
        SmallCheckpoint.Copy(fixture.Path, folder["m"]);
        JsonObject root = JsonNode.Parse(File.ReadAllText(folder["m/config.json"]))!.AsObject();
        change(root);
        File.WriteAllText(folder["m/config.json"], root.ToJsonString());
        return ModelDirectory.Open(folder["m"]).Config;
    }
}
