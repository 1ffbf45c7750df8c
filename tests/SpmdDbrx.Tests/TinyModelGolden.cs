using System.Runtime.InteropServices;
using System.Text.Json;

namespace SpmdDbrx.Tests;

/// <summary>Reference results of the official model code on the tiny trained model (tests/golden).</summary>
internal sealed class TinyModelGolden
{
    private readonly JsonElement root;
    private readonly float[] values;

    private TinyModelGolden()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(RepositoryPaths.Golden("tiny-dbrx.golden.json")));
        root = document.RootElement.Clone();
        values = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(RepositoryPaths.Golden("tiny-dbrx.golden.bin"))).ToArray();
        Prompts = [.. root.GetProperty("prompts").EnumerateArray().Select(prompt => new GoldenPrompt(this, prompt))];
    }

    public static TinyModelGolden Instance { get; } = new();

    public IReadOnlyList<GoldenPrompt> Prompts { get; }

    public double Perplexity => root.GetProperty("perplexity").GetProperty("perplexity").GetDouble();

    public IReadOnlyList<int[]> PerplexityWindows => [.. root.GetProperty("perplexity").GetProperty("windows").EnumerateArray().Select(Ids)];

    public IReadOnlyList<double> WindowSums =>
        [.. root.GetProperty("perplexity").GetProperty("window_nll_sum").EnumerateArray().Select(sum => sum.GetDouble())];

    public static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    public ReadOnlySpan<float> Values(JsonElement pointer)
    {
        int length = pointer.GetProperty("shape").EnumerateArray().Aggregate(1, (product, size) => product * size.GetInt32());
        return values.AsSpan(pointer.GetProperty("offset").GetInt32(), length);
    }
}

/// <summary>One prompt of the golden file.</summary>
internal sealed class GoldenPrompt(TinyModelGolden golden, JsonElement prompt)
{
    public string Name => prompt.GetProperty("name").GetString()!;

    public string Text => prompt.GetProperty("text").GetString()!;

    public int[] Ids => TinyModelGolden.Ids(prompt.GetProperty("ids"));

    public int[] GreedyTokens => TinyModelGolden.Ids(prompt.GetProperty("greedy").GetProperty("ids"));

    public string GreedyText => prompt.GetProperty("greedy").GetProperty("text").GetString()!;

    public int? FirstEosIndex => prompt.GetProperty("greedy").GetProperty("first_eos_index") is { ValueKind: JsonValueKind.Number } index ? index.GetInt32() : null;

    /// <summary>[vocabulary], of the prompt's last position.</summary>
    public ReadOnlySpan<float> LastLogits => golden.Values(prompt.GetProperty("last_logits"));

    /// <summary>Chosen experts of every layer and position, [layer][position · topK].</summary>
    public IReadOnlyList<int[]> RouterExperts =>
        [.. prompt.GetProperty("router").EnumerateArray().Select(layer => layer.GetProperty("experts").EnumerateArray().SelectMany(TinyModelGolden.Ids).ToArray())];

    public override string ToString() => Name;
}
