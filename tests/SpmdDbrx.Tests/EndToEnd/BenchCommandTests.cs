using System.Text.Json;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

public sealed class BenchCommandTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [SkippableTheory]
    [InlineData(0, "p-lr-d", 4.0, 1.0)]
    [InlineData(2, "p-lb", 8.0, 2.0)]
    public void Bench_TinyModel_MeasuresEveryTest(int ranks, string strategy, double expertsPerLayer, double communicationsPerLayer)
    {
        Skip.If(ranks > 0 && !SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            ranks, "bench", "--model", model.ModelPath, "--pp", "8,16", "--tg", "4", "--repeat", "2", "--strategies", strategy, "-o", "json");

        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument document = JsonDocument.Parse(outcome.Output);
        JsonElement[] rows = [.. document.RootElement.EnumerateArray()];
        Assert.Equal(["pp8", "pp16", "tg4"], rows.Select(row => row.GetProperty("test").GetString()));
        Assert.All(rows, row =>
        {
            Assert.Equal(Math.Max(1, ranks), row.GetProperty("ranks").GetInt32());
            foreach (string positive in new[] { "t_s", "gb_s", "gflop_s", "read_gb_s", "peak_gflop_s", "predicted_t_s", "moe_ms" })
                Assert.True(row.GetProperty(positive).GetDouble() > 0, positive);
            // A model this small lives in the caches; its arithmetic cannot beat the peak.
            Assert.InRange(row.GetProperty("percent_of_peak").GetDouble(), 0, 110);
        });
        Assert.Equal(expertsPerLayer, rows[2].GetProperty("experts_layer").GetDouble());
        Assert.Equal(expertsPerLayer, rows[2].GetProperty("mean_experts_layer").GetDouble());
        Assert.All(rows, row => Assert.Equal(communicationsPerLayer, row.GetProperty("communications_layer").GetDouble()));
        // At least the hidden state of one token, once a communication.
        Assert.True(rows[2].GetProperty("bytes_layer").GetDouble() >= communicationsPerLayer * 128 * sizeof(float));
    }

    [Fact]
    public void Bench_WithoutProbe_LeavesSharesOfTheMachineOut()
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            0, "bench", "--model", model.ModelPath, "--pp", "0", "--tg", "2", "--repeat", "1", "--no-probe", "-o", "jsonl");
        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument row = JsonDocument.Parse(outcome.Output);
        foreach (string ofTheMachine in new[] { "percent_of_read", "percent_of_peak", "read_gb_s", "peak_gflop_s" })
            Assert.Equal(JsonValueKind.Null, row.RootElement.GetProperty(ofTheMachine).ValueKind);
        Assert.True(row.RootElement.GetProperty("t_s").GetDouble() > 0);
    }

    [SkippableFact]
    public void Bench_OtherRepetitionsOnOneRank_NamesWhatDiffers()
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        string[] arguments = ["bench", "--model", model.ModelPath, "--pp", "0", "--tg", "2", "--no-probe", "--repeat"];
        SpmdProgram.Outcome outcome = SpmdProgram.RunJob([(1, [.. arguments, "1"]), (1, [.. arguments, "2"])]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("ranks disagree on --repeat: rank 0 has 1, rank 1 has 2", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_StrategiesOnSlices_MeasuresEachOnSlices()
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            0, "bench", "--model", model.ModelPath, "--pp", "0", "--tg", "2", "--repeat", "1", "--no-probe", "--partition", "slices", "--strategies", "p-lb,p-lr-d", "-o", "json");
        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument document = JsonDocument.Parse(outcome.Output);
        Assert.Equal(["p-lb slices", "p-lr-d slices"], document.RootElement.EnumerateArray().Select(row => row.GetProperty("strategy").GetString()));
    }

    [Theory]
    [InlineData("--stacking", "prestacked")]
    [InlineData("--topology", "centralized")]
    [InlineData("--loading", "busy-full")]
    public void Bench_StrategiesBesideASingleAxis_IsAUsageError(string axis, string value)
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "bench", "--model", model.ModelPath, "--strategies", "p-lb,p-lr-d", axis, value);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains($"--strategies: expected no --stacking, --topology, --loading beside it, found {axis}", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--pp", "x", "--pp")]
    [InlineData("--strategies", "fast", "--strategies")]
    [InlineData("--repeat", "0", "--repeat")]
    [InlineData("-o", "xml", "--output")]
    public void Bench_BadOption_IsAUsageError(string option, string value, string expected)
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "bench", "--model", model.ModelPath, option, value);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(expected, outcome.Errors, StringComparison.Ordinal);
    }
}
