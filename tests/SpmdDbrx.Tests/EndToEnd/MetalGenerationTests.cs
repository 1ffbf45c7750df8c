using System.Runtime.InteropServices;
using System.Text.Json;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>The main job on the Metal device: the same program, decoder and host code a Mac runs, on the emulator where there is no Mac.</summary>
public sealed class MetalGenerationTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>, IDisposable
{
    private const float LogitTolerance = 2e-3f;
    private readonly string folder = Directory.CreateTempSubdirectory("spmd-metal-").FullName;

    [SkippableTheory]
    [InlineData(1, "p-lr-d", "short", "long")]
    [InlineData(2, "p-lr-d", "short", "long")]
    [InlineData(4, "p-lr-d", "short", "long")]
    [InlineData(2, "p-lb", "short")]
    public void Generate_GoldenPrompts_GivesTheReferencesGreedyTokens(int ranks, string strategy, params string[] names)
    {
        Require();
        GoldenPrompt[] prompts = [.. TinyModelGolden.Instance.Prompts.Where(prompt => names.Contains(prompt.Name))];
        string file = Path.Combine(folder, "prompts.jsonl");
        File.WriteAllLines(file, prompts.Select(prompt => JsonSerializer.Serialize(new { prompt = prompt.Text })));

        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            ranks, "generate", "--model", model.ModelPath, "--device", "metal", "--strategy", strategy, "--prompts", file, "-n", "48", "--ignore-eos", "--json");

        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        string[] lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(prompts.Length, lines.Length);
        for (int index = 0; index < lines.Length; index++)
        {
            using JsonDocument result = JsonDocument.Parse(lines[index]);
            Assert.Equal("metal", result.RootElement.GetProperty("device").GetString());
            Assert.Equal(prompts[index].GreedyTokens, TinyModelGolden.Ids(result.RootElement.GetProperty("tokens")));
        }
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Generate_Logits_AgreeWithTheReference(int ranks)
    {
        Require();
        GoldenPrompt prompt = TinyModelGolden.Instance.Prompts.Single(candidate => candidate.Name == "long");
        string file = Path.Combine(folder, "logits.bin");
        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            ranks, "generate", "--model", model.ModelPath, "--device", "metal", "--prompt-tokens", string.Join(',', prompt.Ids), "-n", "1", "--logits", file, "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Errors);

        ReadOnlySpan<float> logits = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(file));
        ReadOnlySpan<float> expected = prompt.LastLogits;
        Assert.Equal(prompt.Ids.Length * expected.Length, logits.Length);
        ReadOnlySpan<float> last = logits[^expected.Length..];
        for (int token = 0; token < expected.Length; token++)
            Assert.Equal(expected[token], last[token], LogitTolerance);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static void Require()
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        Skip.IfNot(MetalDevice.IsAvailable, "no Metal device: build the emulator with `make -C native/metal` (clang-19, libclang-rt-19-dev)");
    }
}
