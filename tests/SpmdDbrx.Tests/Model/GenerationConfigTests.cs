using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Model;

public sealed class GenerationConfigTests : IDisposable
{
    private readonly TemporaryDirectory folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("{\"eos_token_id\": [2, 3]}", "{\"eos_token_id\": 9}", new[] { 2, 3 })]
    [InlineData("{\"eos_token_id\": 2}", null, new[] { 2 })]
    [InlineData("{}", "{\"eos_token_id\": 9}", new[] { 9 })]
    [InlineData("{\"eos_token_id\": null}", "{\"eos_token_id\": [9]}", new[] { 9 })]
    [InlineData(null, "{\"eos_token_id\": [9, 8]}", new[] { 9, 8 })]
    [InlineData(null, "{}", new int[0])]
    [InlineData(null, null, new int[0])]
    public void Load_OneOrBothFiles_TheFirstThatNamesTokensHolds(string? generation, string? config, int[] expected)
    {
        Write(generation, config);

        Assert.Equal(expected, GenerationConfig.Load(folder.Root).EosTokenIds);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("\"2\"")]
    [InlineData("[2, null]")]
    [InlineData("4294967296")]
    [InlineData("{}")]
    public void Load_NoTokenId_IsRefused(string json)
    {
        Write($"{{\"eos_token_id\": {json}}}", null);

        Refusal.Of(() => GenerationConfig.Load(folder.Root), "generation_config.json", "eos_token_id", "a token id or a list");
    }

    private void Write(string? generation, string? config)
    {
        if (generation is not null)
            File.WriteAllText(folder["generation_config.json"], generation);
        if (config is not null)
            File.WriteAllText(folder["config.json"], config);
    }
}
