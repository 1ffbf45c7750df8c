using System.Text.Json;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>A job without flags chooses for itself, says so in one line, and measures once.</summary>
public sealed class ChoiceTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [SkippableFact]
    public void Generate_TwoRanksOfOneHost_SaysInOneLineWhatItChoseWithoutMeasuring()
    {
        Require();
        using TemporaryDirectory cache = new();
        SpmdProgram.Outcome outcome = Generate(cache, 2);
        string line = Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("chose experts shared by the ranks of a node, p-lr-d: each rank runs 2 experts a layer", line, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(cache.Root));
        using JsonDocument document = JsonDocument.Parse(outcome.Output);
        Assert.Equal("p-lr-d", document.RootElement.GetProperty("strategy").GetString());
    }

    [SkippableTheory]
    [InlineData(2, ": each rank runs 2 experts a layer and none waits")]
    [InlineData(3, ": each rank runs 1.33 experts a layer and none waits")]
    public void Bench_RanksOfOneHost_RunsWhatGenerateRuns(int ranks, string why)
    {
        Require();
        using TemporaryDirectory cache = new();
        SpmdProgram.Outcome bench = SpmdProgram.RunWith(
            [("XDG_CACHE_HOME", cache.Root), ("SPMDDBRX_CHOICE", "auto")],
            ranks, ["bench", "--model", model.ModelPath, "--pp", "0", "--tg", "2", "--repeat", "1", "--no-probe", "--threads", "1", "-o", "jsonl"]);
        Assert.True(bench.ExitCode == 0, bench.Errors);
        string line = Assert.Single(bench.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("chose experts shared by the ranks of a node, p-lr-d", line, StringComparison.Ordinal);
        Assert.Contains(why, line, StringComparison.Ordinal);
        Assert.Equal(line, Generate(cache, ranks, "--threads", "1").Errors.TrimEnd('\n'));
        Assert.Contains("\"predicted_t_s\":", bench.Output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(2, "--placement", "contiguous")]
    [InlineData(2, "--partition", "slices")]
    [InlineData(2, "--choice", "off")]
    [InlineData(0, "--seed", "1")]
    public void Generate_FlagsOrOneRank_NothingIsChosen(int ranks, string option, string value)
    {
        Require();
        using TemporaryDirectory cache = new();
        Assert.Equal("", Generate(cache, ranks, option, value).Errors);
        Assert.Empty(Directory.GetFileSystemEntries(cache.Root));
    }

    [SkippableFact]
    public void Explain_CacheNewKeptAndDamaged_MeasuresOnceAndAgainWhereItMust()
    {
        Require();
        using TemporaryDirectory cache = new();
        SpmdProgram.Outcome first = Generate(cache, 2, "--explain");
        string file = Assert.Single(Directory.GetFiles(Path.Combine(cache.Root, "spmd-dbrx")));
        byte[] measured = File.ReadAllBytes(file);
        foreach (string expected in new[] { "slices", "naive", "p-lb", "experts, each once", "GiB a rank", "→", "\nchose experts shared by the ranks of a node, p-lr-d: " })
            Assert.Contains(expected, first.Errors, StringComparison.Ordinal);
        Assert.Contains($"measured {File.GetLastWriteTimeUtc(file):yyyy-MM-dd}, 2 ranks, 2 a node, ", first.Errors, StringComparison.Ordinal);
        JsonDocument.Parse(first.Output).Dispose();

        SpmdProgram.Outcome second = Generate(cache, 2, "--explain", "--partition", "slices");
        Assert.Equal(measured, File.ReadAllBytes(file));
        Assert.Contains("not used: options say how to run", second.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("\nchose", second.Errors, StringComparison.Ordinal);

        File.SetLastWriteTimeUtc(file, DateTime.UtcNow - TimeSpan.FromDays(8));
        Generate(cache, 2, "--explain");
        Assert.True(DateTime.UtcNow - File.GetLastWriteTimeUtc(file) < TimeSpan.FromDays(1), "what was measured 8 days ago was taken as new");

        File.WriteAllText(file, "{\"hardware\": 7}");
        SpmdProgram.Outcome third = Generate(cache, 2, "--explain");
        Assert.Contains($"{file}: hardware: expected", third.Errors, StringComparison.Ordinal);
        Assert.Contains("measuring again", third.Errors, StringComparison.Ordinal);
        Assert.True(new FileInfo(file).Length > 1000, "the cache was not written anew");
        Assert.Single(Directory.GetFiles(Path.Combine(cache.Root, "spmd-dbrx")));
    }

    private SpmdProgram.Outcome Generate(TemporaryDirectory cache, int ranks, params string[] options)
    {
        SpmdProgram.Outcome outcome = SpmdProgram.RunWith(
            [("XDG_CACHE_HOME", cache.Root), ("SPMDDBRX_CHOICE", "auto")],
            ranks, ["generate", "--model", model.ModelPath, "--prompt-tokens", "1,2,3", "-n", "3", "--ignore-eos", "--json", .. options.Contains("--threads") ? options : [.. options, "--threads", "1"]]);
        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        return outcome;
    }

    private static void Require()
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        Skip.If(OperatingSystem.IsMacOS(), "XDG_CACHE_HOME does not count on macOS");
    }
}
