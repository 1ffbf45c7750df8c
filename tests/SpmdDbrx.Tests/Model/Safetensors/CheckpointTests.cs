using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Model.Safetensors;

/// <summary>Whole checkpoints whose parts do not fit together.</summary>
public sealed class CheckpointTests : IClassFixture<SmallCheckpointFixture>, IDisposable
{
    private const string Router1 = "transformer.blocks.1.ffn.router.layer.weight";

    private readonly TemporaryDirectory folder = new();
    private readonly string model;
    private readonly string indexPath;

    public CheckpointTests(SmallCheckpointFixture fixture)
    {
        model = SmallCheckpoint.Copy(fixture.Path, folder["m"]);
        indexPath = Path.Combine(model, "model.safetensors.index.json");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Open_SeveralShards_FindsEveryTensor()
    {
        ModelDirectory directory = ModelDirectory.Open(model);

        Assert.True(directory.WeightFiles.Count > 1);
        Assert.Equal(3 + (5 * 3) + (3 * 5 * 3), StoredWeights.Of(directory).Count());
    }

    [Theory]
    [InlineData("../evil.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/model.safetensors")]
    [InlineData("..\\evil.safetensors")]
    [InlineData("C:evil.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("a\u0000b")]
    public void Open_IndexPointsOutOfTheDirectory_IsRefused(string file) =>
        Refused(map => map[Router1] = file, "index.json", Router1, "expected a file name in this directory");

    [Fact]
    public void Open_IndexNamesAMissingFile_IsRefused() =>
        Refused(map => map[Router1] = "nowhere.safetensors", "nowhere.safetensors: no such file");

    [Fact]
    public void Open_IndexNamesAnotherShard_IsRefused() =>
        Refused(map => map[Router1] = (string?)map["lm_head.weight"], "index.json", Router1, "expected in");

    [Fact]
    public void Open_IndexLacksATensor_IsRefused() => Refused(map => map.Remove(Router1), "index.json", Router1, "expected in the index");

    [Fact]
    public void Open_IndexHasATensorThatNoShardHas_IsRefused() =>
        Refused(map => map["x"] = (string?)map[Router1], "index.json", "'x'", "found nowhere");

    [Fact]
    public void Open_IndexWithANumberForAFile_IsRefused() => Refused(map => map[Router1] = 3, "index.json", Router1, "expected a string");

    [Fact]
    public void Open_EmptyIndex_IsRefused() => Refused(map => map.Clear(), "weight_map", "found none");

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"weight_map\": []}")]
    [InlineData("{\"weight_map\": {\"a\": \"b\", \"a\": \"c\"}}")]
    [InlineData("{\"weight_map\": {\"\\ud800\": \"c\"}}")]
    [InlineData("not JSON")]
    public void Open_IndexOfTheWrongKind_IsRefused(string text)
    {
        File.WriteAllText(indexPath, text);

        Refusal.Of(() => ModelDirectory.Open(model), "index.json");
    }

    [Fact]
    public void Open_TensorInTwoShards_IsRefused()
    {
        string[] shards = Directory.GetFiles(model, "*.safetensors");
        string first = shards.Single(path => path.Contains("00001", StringComparison.Ordinal));
        string second = shards.Single(path => path.Contains("00002", StringComparison.Ordinal));
        (JsonObject header, byte[] data) = SafetensorsSurgery.Read(second);
        header["transformer.wte.weight"] = JsonNode.Parse($"{{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[{data.Length},{data.Length + 2}]}}");
        SafetensorsSurgery.Write(second, header.ToJsonString(), [.. data, 0, 0]);

        Refusal.Of(() => ModelDirectory.Open(model), second, "transformer.wte.weight", "expected in one shard", Path.GetFileName(first));
    }

    [Fact]
    public void Open_WrongShape_NamesTensorExpectedAndFound() =>
        Refused("transformer.wte.weight", header => header["transformer.wte.weight"]!["shape"] = new JsonArray(42, 101),
            "transformer.wte.weight", "expected shape [101, 42]", "found [42, 101]");

    [Fact]
    public void Open_ExpertsAsThreeDimensions_NamesTensorExpectedAndFound() =>
        Refused("transformer.blocks.0.ffn.experts.mlp.w1", header => header["transformer.blocks.0.ffn.experts.mlp.w1"]!["shape"] = new JsonArray(5, 11, 42),
            "experts.mlp.w1", "expected shape [55, 42]", "found [5, 11, 42]");

    [Fact]
    public void Open_MissingTensor_IsNamed() => RefusedRenamed(Router1, "x", Router1, "expected shape [5, 42]", "no such tensor");

    [Fact]
    public void Open_ExtraTensor_IsNamed()
    {
        File.WriteAllText(Path.Combine(model, "config.json"), File.ReadAllText(Path.Combine(model, "config.json")).Replace("\"n_layers\": 3", "\"n_layers\": 2", StringComparison.Ordinal));

        Refusal.Of(() => ModelDirectory.Open(model), "transformer.blocks.2.", "19 tensors");
    }

    [Fact]
    public void Open_ExpertIndexOutOfRange_Throws()
    {
        ModelDirectory directory = ModelDirectory.Open(model);

        Assert.Throws<ArgumentOutOfRangeException>(() => directory.Expert(0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => directory.Expert(0, -1));
        Assert.ThrowsAny<Exception>(() => directory.Expert(3, 0));
    }

    [Fact]
    public void Map_FileThatChangedAfterOpening_IsRefused()
    {
        ModelDirectory directory = ModelDirectory.Open(model);
        string file = directory.WeightFiles[1].Name;
        using (FileStream stream = File.OpenWrite(Path.Combine(model, file)))
            stream.SetLength(stream.Length - 1);

        Refusal.Of(() => directory.Map(file), file, $"expected {directory.WeightFiles[1].Bytes} bytes");
    }

    [Fact]
    public void Open_NoModel_SaysWhatIsMissing()
    {
        Directory.CreateDirectory(folder["empty"]);

        Refusal.Of(() => ModelDirectory.Open(folder["empty"]), "manifest.json", "config.json", "neither");
        Refusal.Of(() => ModelDirectory.Open(folder["nothing"]), "found nothing");
        Refusal.Of(() => ModelDirectory.Open(Path.Combine(model, "config.json")), "found a file");
    }

    [Fact]
    public void Open_ConfigWithoutWeights_SaysWhatIsMissing()
    {
        foreach (string file in Directory.GetFiles(model, "model*"))
            File.Delete(file);

        Refusal.Of(() => ModelDirectory.Open(model), "model.safetensors", "found neither");
    }

    [Fact]
    public void Fingerprint_OtherTokenizerOrHeader_Differs()
    {
        string before = ModelDirectory.Open(model).Fingerprint;
        File.WriteAllText(Path.Combine(model, "tokenizer.json"), "{}");
        string withTokenizer = ModelDirectory.Open(model).Fingerprint;

        Assert.Equal(32, before.Length);
        Assert.NotEqual(before, withTokenizer);
        File.Delete(Path.Combine(model, "tokenizer.json"));
        Assert.Equal(before, ModelDirectory.Open(model).Fingerprint);
    }

    private void Refused(Action<JsonObject> changeMap, params string[] fragments)
    {
        JsonObject index = JsonNode.Parse(File.ReadAllText(indexPath))!.AsObject();
        changeMap(index["weight_map"]!.AsObject());
        File.WriteAllText(indexPath, index.ToJsonString());
        Refusal.Of(() => ModelDirectory.Open(model), fragments);
    }

    private void Refused(string tensor, Action<JsonObject> changeHeader, params string[] fragments)
    {
        string shard = ShardOf(tensor);
        (JsonObject header, byte[] data) = SafetensorsSurgery.Read(shard);
        changeHeader(header);
        SafetensorsSurgery.Write(shard, header.ToJsonString(), data);
        Refusal.Of(() => ModelDirectory.Open(model), fragments);
    }

    private void RefusedRenamed(string from, string to, params string[] fragments)
    {
        string shard = ShardOf(from);
        (JsonObject header, byte[] data) = SafetensorsSurgery.Read(shard);
        SafetensorsSurgery.Write(shard, header.ToJsonString().Replace(from, to, StringComparison.Ordinal), data);
        File.WriteAllText(indexPath, File.ReadAllText(indexPath).Replace(from, to, StringComparison.Ordinal));
        Refusal.Of(() => ModelDirectory.Open(model), fragments);
    }

    private string ShardOf(string tensor) =>
        Path.Combine(model, (string)JsonNode.Parse(File.ReadAllText(indexPath))!["weight_map"]![tensor]!);
}
