using System.Text.RegularExpressions;
using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Performance.Inputs;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public sealed class CatalogueTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("catalogue").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ShippedFiles_All_LoadUnderTheirFileName()
    {
        Assert.All(Catalogue.Names("hardware"), name => Assert.Equal(name, Catalogue.Hardware(name).Name));
        Assert.All(Catalogue.Names("networks"), name => Assert.Equal(name, Catalogue.Network(name).Name));
        Assert.All(Catalogue.Names("models"), name => Assert.Equal(name, Catalogue.Model(name).Name));
        Assert.All(Catalogue.Names("software"), name => Assert.Equal(name, Catalogue.Software(name).Name));
        Assert.Equal(6, Catalogue.Names("hardware").Length);
    }

    [Fact]
    public void ShippedFiles_EveryFigure_HasASource()
    {
        string[] files = [.. new[] { "hardware", "networks", "software" }.SelectMany(kind => Directory.GetFiles(Path.Combine(Catalogue.Folder, kind)))];
        Assert.All(files, file =>
        {
            string text = File.ReadAllText(file);
            Assert.DoesNotMatch(new Regex("""^\s*"[a-z_]+": [0-9.]+,?$""", RegexOptions.Multiline), text);
            Assert.Equal(Regex.Count(text, "\"value\":"), Regex.Count(text, "\"source\": \"[^\"]{5,}"));
        });
    }

    [Theory]
    [InlineData("\"memory_bandwidth_gb_per_s\": -800", "hardware.memory_bandwidth_gb_per_s: expected a number from 0.1")]
    [InlineData("\"memory_bandwidth_gb_per_s\": 800000000000", "hardware.memory_bandwidth_gb_per_s: expected a number from 0.1 to 1E+06 (GB/s")]
    [InlineData("\"memory_bandwidth_gb_per_s\": \"800 GB/s\"", "hardware.memory_bandwidth_gb_per_s: expected a number")]
    [InlineData("\"memory_bandwidth_gb_per_s\": {\"value\": 800}", "hardware.memory_bandwidth_gb_per_s.source: missing")]
    [InlineData("\"memory_bandwidth_gb_per_s\": {\"value\": 0, \"source\": \"x\"}", "hardware.memory_bandwidth_gb_per_s.value: expected a number from 0.1")]
    [InlineData("\"memory_bandwidth\": 800", "hardware.memory_bandwidth: unknown field")]
    [InlineData("\"memory_bandwidth_gb_per_s\": 800, \"bandwidth_alone_gb_per_s\": -1", "hardware.bandwidth_alone_gb_per_s: expected a number from 0.1")]
    [InlineData("\"memory_bandwidth_gb_per_s\": 800, \"usable_memory_gib\": 200", "hardware.usable_memory_gib: expected at most memory_gib")]
    public void Hardware_BadField_NamesFileAndField(string fields, string expected)
    {
        string file = Write($$$"""{"hardware": {"name": "mine", "memory_gib": 192, "peak_tflop_per_s": 54.4, {{{fields}}}}}""");
        AssertRefused(file, expected, () => Catalogue.Hardware(file));
    }

    [Fact]
    public void Hardware_BareNumbers_AreEnoughForOnesOwnFile()
    {
        Hardware hardware = Catalogue.Hardware(Write("""{"hardware": {"name": "mine", "memory_gib": 64, "memory_bandwidth_gb_per_s": 80, "peak_tflop_per_s": 1.5}}"""));
        Assert.Equal((80e9, 1.5e12), (hardware.MemoryBytesPerSecond.Value, hardware.FlopPerSecond.Value));
        Assert.Equal(64.0 * (1 << 30), hardware.UsableMemoryBytes.Value);
        Assert.Null(hardware.PriceUsd);
    }

    [Theory]
    [InlineData("""{"network": {"name": "n", "latency_us": -1, "bandwidth_gbit_per_s": 10}}""", "network.latency_us: expected a number from 0")]
    [InlineData("""{"network": {"name": "n", "latency_us": 10, "bandwidth_gbit_per_s": 0}}""", "network.bandwidth_gbit_per_s: expected a number from 0.001")]
    [InlineData("""{"network": {"name": "n", "latency_ms": 1, "bandwidth_gbit_per_s": 10}}""", "network.latency_ms: unknown field")]
    [InlineData("""{"networks": {}}""", "networks: unknown field")]
    [InlineData("""{"hardware": {}}""", "network: missing")]
    [InlineData("""{"network": """, "not valid JSON")]
    public void Network_BadFile_NamesFileAndField(string text, string expected)
    {
        string file = Write(text);
        AssertRefused(file, expected, () => Catalogue.Network(file));
    }

    [Theory]
    [InlineData("all_reduce", "\"butterfly\"", "software.all_reduce: expected \"direct\" or")]
    [InlineData("bandwidth_fraction", "1.2", "software.bandwidth_fraction: expected a number from 0.001 to 1 (a share)")]
    [InlineData("unwire_after_ms", "500", "software: expected unwire_after_ms and rewire_gb_per_s, or neither")]
    [InlineData("prefill", "\"fast\"", "software.prefill: expected \"batched\" or \"token_by_token\"")]
    public void Software_BadField_NamesFileAndField(string field, string value, string expected)
    {
        string shipped = File.ReadAllText(Path.Combine(Catalogue.Folder, "software", "ideal.json"));
        string changed = Regex.IsMatch(shipped, $"\"{field}\"")
            ? Regex.Replace(shipped, $"\"{field}\": (\\{{[^}}]*\\}}|\"[^\"]*\")", $"\"{field}\": {value}")
            : shipped.Replace("\"prefill\"", $"\"{field}\": {value}, \"prefill\"", StringComparison.Ordinal);
        string file = Write(changed);
        AssertRefused(file, expected, () => Catalogue.Software(file));
    }

    [Fact]
    public void Hardware_UnknownName_ListsTheKnownOnes()
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => Catalogue.Hardware("m9-ultra"));
        Assert.Contains("m2-ultra-192", error.Message, StringComparison.Ordinal);
        Assert.Contains("found m9-ultra", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Model_TinyDbrxDirectory_HasItsSizes()
    {
        ModelShape model = Catalogue.Model(RepositoryPaths.TinyModel);
        Assert.Equal((128, 4, 4, 2, 32), (model.HiddenDim, model.LayerCount, model.HeadCount, model.KvHeadCount, model.HeadDim));
        Assert.Equal((16, 4, 192, 2048), (model.ExpertCount, model.TopK, model.ExpertHiddenDim, model.VocabularySize));
        Assert.Equal(5_448_832 - (9 * 128), model.TotalWeights); // all parameters but the nine norms
    }

    [Fact]
    public void Model_MixtralConfig_EqualsTheShippedModel()
    {
        ModelShape model = Catalogue.Model(Write("""
            {"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
             "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 32000, "rope_theta": 1000000.0}
            """));
        ModelShape shipped = Catalogue.Model("mixtral-8x7b");
        Assert.Equal(shipped, model with { Name = shipped.Name, Title = shipped.Title });
        Assert.Equal(46.7e9, shipped.TotalWeights, 0.05e9);
    }

    [Fact]
    public void Model_DenseConfig_IsOneExpert()
    {
        ModelShape model = Catalogue.Model(Write("""
            {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
             "num_key_value_heads": 8, "vocab_size": 128256}
            """));
        Assert.Equal((1, 1), (model.ExpertCount, model.TopK));
        Assert.Equal(8.03e9, model.TotalWeights, 0.02e9);
    }

    [Theory]
    [InlineData("\"num_experts_per_tok\": 9", "num_experts_per_tok: expected a whole number from 1 to 8, found 9")]
    [InlineData("\"top_k\": 2", "num_experts_per_tok: missing")]
    [InlineData("\"num_experts_per_tok\": 2, \"n_shared_experts\": 1", "n_shared_experts: expected no such field")]
    public void Model_BadConfig_NamesFileAndField(string fields, string expected)
    {
        string file = Write($$"""
            {"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
             "num_local_experts": 8, "vocab_size": 32000, {{fields}}}
            """);
        AssertRefused(file, expected, () => Catalogue.Model(file));
    }

    private string Write(string text)
    {
        string file = Path.Combine(folder, "given.json");
        File.WriteAllText(file, text);
        return file;
    }

    private static void AssertRefused(string file, string expected, Func<object> read)
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(read);
        Assert.StartsWith(file, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
