using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Model.Prestack;

/// <summary>Manifests with a valid seal that lie: whoever can write a manifest can also seal it.</summary>
public sealed class HostileManifestTests : IClassFixture<PrestackedFixture>, IDisposable
{
    private readonly TemporaryDirectory folder = new();
    private readonly string model;
    private readonly string path;

    public HostileManifestTests(PrestackedFixture fixture)
    {
        model = SmallCheckpoint.Copy(fixture.Prestacked, folder["m"]);
        path = Path.Combine(model, "manifest.json");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Open_ResealedWithoutChange_IsAccepted()
    {
        Reseal(_ => { });

        Assert.True(ModelDirectory.Open(model).IsPrestacked);
    }

    [Theory]
    [InlineData("format", "\"gguf\"", "spmd-dbrx-prestack")]
    [InlineData("version", "3", "expected 2")]
    [InlineData("version", "\"2\"", "from 1 to")]
    [InlineData("config", "null", "an object")]
    [InlineData("config", "{}", "model_type")]
    [InlineData("sections", "null", "an array")]
    [InlineData("sections", "[]", "33 sections")]
    [InlineData("files", "{}", "an array")]
    [InlineData("files", "[]", "shared.bin of")]
    [InlineData("files", "[1]", "files[0]")]
    public void Open_BadTopLevelField_IsRefused(string field, string json, string fragment) =>
        Refused(root => root[field] = JsonNode.Parse(json), field, fragment);

    [Theory]
    [InlineData("name", "\"lm_head\"", "'embedding'")]
    [InlineData("file", "\"../../etc/passwd\"", "'shared.bin'")]
    [InlineData("file", "\"/etc/passwd\"", "'shared.bin'")]
    [InlineData("file", "null", "'shared.bin'")]
    [InlineData("offset", "-16384", "from 0 to")]
    [InlineData("offset", "1", "expected 0")]
    [InlineData("offset", "16384", "expected 0")]
    [InlineData("offset", "9223372036854775807", "expected 0")]
    [InlineData("offset", "18446744073709551616", "from 0 to")]
    [InlineData("bytes", "0", "expected 16384")]
    [InlineData("bytes", "16385", "expected 16384")]
    [InlineData("bytes", "4611686018427387904", "expected 16384")]
    [InlineData("rows", "102", "expected 101")]
    [InlineData("columns", "43", "expected 42")]
    [InlineData("strips", "2", "expected 1")]
    [InlineData("strips", "null", "from 0 to")]
    [InlineData("types", "\"BF16\"", "an array")]
    [InlineData("types", "[]", "an array of 1")]
    [InlineData("types", "[\"BF16\", \"BF16\", \"BF16\"]", "an array of 1")]
    [InlineData("types", "[\"Q8\"]", "BF16, F16 or F32")]
    [InlineData("types", "[16]", "BF16, F16 or F32")]
    [InlineData("types", "[\"F32\"]", "expected 32768")]
    [InlineData("xxh3_64", "\"12\"", "16 hexadecimal digits")]
    [InlineData("xxh3_64", "\"000000000000000g\"", "16 hexadecimal digits")]
    [InlineData("xxh3_64", "12", "a string")]
    public void Open_BadSection_IsRefused(string field, string json, string fragment) =>
        Refused(root => root["sections"]![0]![field] = JsonNode.Parse(json), "sections[0].", fragment);

    [Theory]
    [InlineData("file", "\"experts/../../x\"", "shared.bin of")]
    [InlineData("bytes", "0", "shared.bin of")]
    [InlineData("bytes", "-1", "from 0 to")]
    [InlineData("xxh3_128", "\"\"", "32 hexadecimal digits")]
    public void Open_BadWeightFile_IsRefused(string field, string json, string fragment) =>
        Refused(root => root["files"]![0]![field] = JsonNode.Parse(json), "files", fragment);

    [Theory]
    [InlineData("../config.json")]
    [InlineData("/etc/passwd")]
    [InlineData("experts\\x")]
    [InlineData("..")]
    public void Open_SmallFileOutsideTheDirectory_IsRefused(string file) =>
        Refused(root => root["files"]![6]!["file"] = file, "without a path");

    [Fact]
    public void Open_FileTwice_IsRefused() => Refused(root => root["files"]!.AsArray().Add(root["files"]![6]!.DeepClone()), "every file once");

    [Fact]
    public void Open_SectionsSwapped_IsRefused() =>
        Refused(root => (root["sections"]![3]!["offset"], root["sections"]![4]!["offset"]) = (root["sections"]![4]!["offset"]!.DeepClone(), root["sections"]![3]!["offset"]!.DeepClone()), "sections[3].offset");

    [Fact]
    public void Open_ConfigOfManyLayers_IsRefusedBeforeItAllocates() =>
        Refused(
            root =>
            {
                root["config"]!["n_layers"] = 16384;
                root["config"]!["ffn_config"]!["moe_num_experts"] = 16384;
            },
            "sections", "268517379 sections");

    [Fact]
    public void Open_OtherConfigField_ChangesTheFingerprint()
    {
        string before = ModelDirectory.Open(model).Fingerprint;

        Reseal(root => root["config"]!["attn_config"]!["rope_theta"] = 1);

        Assert.NotEqual(before, ModelDirectory.Open(model).Fingerprint);
    }

    private void Refused(Action<JsonObject> change, params string[] fragments)
    {
        Reseal(change);
        Refusal.Of(() => ModelDirectory.Open(model), [path, .. fragments]);
    }

    private void Reseal(Action<JsonObject> change) => ManifestSurgery.Change(model, change);
}
