using System.Runtime.InteropServices;
using System.Text.Json;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>The main job as a user runs it: the golden tokens, logits and perplexity on any number of ranks.</summary>
public sealed class GoldenGenerationTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>, IDisposable
{
    // The reference's own float32 and float64 implementations differ by 2e-5; this is what every rank count here stays below.
    private const float LogitTolerance = 2e-4f;
    private readonly string folder = Directory.CreateTempSubdirectory("spmd-generate-").FullName;

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(16)]
    public void Generate_EveryGoldenPrompt_GivesTheReferencesGreedyTokens(int ranks)
    {
        Skip.If(ranks > 0 && !SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        IReadOnlyList<GoldenPrompt> prompts = TinyModelGolden.Instance.Prompts;
        string file = Path.Combine(folder, "prompts.jsonl");
        File.WriteAllLines(file, prompts.Select(prompt => JsonSerializer.Serialize(new { prompt = prompt.Text })));

        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            ranks, "generate", "--model", model.ModelPath, "--prompts", file, "-n", "48", "--ignore-eos", "--json");

        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        string[] lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(prompts.Count, lines.Length);
        for (int index = 0; index < lines.Length; index++)
        {
            using JsonDocument document = JsonDocument.Parse(lines[index]);
            JsonElement result = document.RootElement;
            JsonElement timings = result.GetProperty("timings");
            Assert.Equal(prompts[index].Ids, TinyModelGolden.Ids(result.GetProperty("prompt_tokens")));
            Assert.Equal(prompts[index].GreedyTokens, TinyModelGolden.Ids(result.GetProperty("tokens")));
            Assert.Equal(prompts[index].GreedyText, result.GetProperty("text").GetString());
            Assert.Equal(Math.Max(1, ranks), result.GetProperty("ranks").GetInt32());
            Assert.Equal(1.0, timings.GetProperty("allreduces_per_layer").GetDouble());
            // Ranks of one host run four selected experts together.
            Assert.Equal(4.0 / Math.Max(1, ranks), timings.GetProperty("experts_per_layer").GetDouble(), 1e-6);
            Assert.Equal(Math.Max(1, ranks), timings.GetProperty("resident_bytes_per_rank").GetArrayLength());
        }
    }

    [SkippableFact]
    public void Generate_PlacementContiguous_SharesNothingAndHoldsAsManyWeights()
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        (string Placement, double Experts, long[] Bytes) shared = Placed();
        (string Placement, double Experts, long[] Bytes) contiguous = Placed("--placement", "contiguous");
        Assert.Equal(("shared", 2.0), (shared.Placement, shared.Experts));
        Assert.Equal("contiguous", contiguous.Placement);
        Assert.InRange(contiguous.Experts, 2.1, 4.0);
        // Beside the same weights, half each of the memory in which they work together.
        Assert.Equal(shared.Bytes[0] - contiguous.Bytes[0], shared.Bytes[1] - contiguous.Bytes[1]);
        Assert.InRange(shared.Bytes[0] - contiguous.Bytes[0], 1, 200_000);

        (string, double, long[]) Placed(params string[] options)
        {
            SpmdProgram.Outcome outcome = SpmdProgram.Run(
                2, ["generate", "--model", model.ModelPath, "--prompt-tokens", "1,2,3", "-n", "20", "--ignore-eos", "--json", .. options]);
            Assert.True(outcome.ExitCode == 0, outcome.Errors);
            using JsonDocument document = JsonDocument.Parse(outcome.Output);
            JsonElement timings = document.RootElement.GetProperty("timings");
            long[] bytes = [.. timings.GetProperty("resident_bytes_per_rank").EnumerateArray().Select(rank => rank.GetInt64())];
            return (document.RootElement.GetProperty("placement").GetString()!, timings.GetProperty("experts_per_layer").GetDouble(), bytes);
        }
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Generate_Logits_AgreeWithTheReference(int ranks)
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        foreach (GoldenPrompt prompt in TinyModelGolden.Instance.Prompts.Where(prompt => prompt.Name is "long" or "chat"))
        {
            string file = Path.Combine(folder, "logits.bin");
            SpmdProgram.Outcome outcome = SpmdProgram.Run(
                ranks, "generate", "--model", model.ModelPath, "--prompt-tokens", string.Join(',', prompt.Ids), "-n", "1", "--logits", file, "--json");
            Assert.True(outcome.ExitCode == 0, outcome.Errors);

            ReadOnlySpan<float> logits = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(file));
            ReadOnlySpan<float> expected = prompt.LastLogits;
            Assert.Equal(prompt.Ids.Length * expected.Length, logits.Length);
            float difference = LargestDifference(expected, logits[^expected.Length..]);
            Assert.True(difference < LogitTolerance, $"{prompt.Name} on {ranks} ranks: logits differ by {difference}");
        }
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Perplexity_GoldenWindows_AgreesToFourDigits(int ranks)
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        string file = Path.Combine(folder, "windows.jsonl");
        File.WriteAllLines(file, TinyModelGolden.Instance.PerplexityWindows.Select(window => JsonSerializer.Serialize(new { ids = window })));

        SpmdProgram.Outcome outcome = SpmdProgram.Run(ranks, "perplexity", "--model", model.ModelPath, "--file", file, "--json");

        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument result = JsonDocument.Parse(outcome.Output);
        double perplexity = result.RootElement.GetProperty("perplexity").GetDouble();
        Assert.Equal(TinyModelGolden.Instance.Perplexity, perplexity, tolerance: 5e-4);
    }

    [Fact]
    public void Generate_ChatPrompt_StopsAtTheEndOfTurn()
    {
        GoldenPrompt prompt = TinyModelGolden.Instance.Prompts.Single(candidate => candidate.Name == "chat");
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "generate", "--model", model.ModelPath, "-p", prompt.Text, "-n", "48", "--json");

        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument result = JsonDocument.Parse(outcome.Output);
        Assert.Equal("stop", result.RootElement.GetProperty("finish_reason").GetString());
        Assert.Equal(prompt.GreedyTokens[..(prompt.FirstEosIndex!.Value + 1)], TinyModelGolden.Ids(result.RootElement.GetProperty("tokens")));
    }

    private static float LargestDifference(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        float largest = 0;
        for (int index = 0; index < expected.Length; index++)
            largest = Math.Max(largest, Math.Abs(expected[index] - found[index]));
        return largest;
    }

    [Fact]
    public void Generate_Trace_HoldsEveryTokenThatRan()
    {
        string trace = Path.Combine(folder, "trace.jsonl");

        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            0, "generate", "--model", model.ModelPath, "--prompt-tokens", "1,2,3", "-n", "4", "--ignore-eos", "--json", "--trace", trace);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Errors));
        // A first line that describes the file; then the prompt and all generated tokens but the last, which nothing runs on.
        Assert.Equal(1 + 3 + 3, File.ReadAllLines(trace).Length);
        Assert.Equal([trace], Directory.GetFiles(folder));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
