using System.Text.Json;
using SpmdDbrx.Engine.Placement;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>The commands plan, estimate and simulate as a user calls them.</summary>
public class PlanningTests
{
    [Fact]
    public void Plan_FourNodes_PrintsTheBestAndWritesAPlacementThatLoads()
    {
        using TemporaryDirectory folder = new();
        string file = folder["placement.json"];
        SpmdProgram.Outcome run = SpmdProgram.Run(0, "plan", "--nodes", "4", "--experts-per-node", "8", "--out", file, "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement best = json.RootElement.GetProperty("placements")[0];
        Assert.Equal("best", best.GetProperty("placement").GetString());
        Assert.InRange(best.GetProperty("E[max]").GetDouble(), 1.1, 1.1604);
        ExpertPlacement placement = ExpertPlacementFile.Load(file, expertCount: 16, rankCount: 4);
        Assert.All(Enumerable.Range(0, 4), rank => Assert.Equal(8, placement.ExpertsOf(rank).Length));
    }

    [Theory]
    [InlineData(1, "fewer than the model's 16", "plan", "--nodes", "3", "--experts-per-node", "5")]
    [InlineData(2, "--nodes", "plan", "--nodes", "0", "--experts-per-node", "5")]
    [InlineData(2, "one number or one for each of 3 nodes, found 2", "plan", "--nodes", "3", "--experts-per-node", "8,8")]
    [InlineData(2, "separated by commas, found -1", "plan", "--nodes", "3", "--experts-per-node=-1")]
    [InlineData(1, "no-such.trace: cannot be read", "plan", "--nodes", "3", "--experts-per-node", "8", "--trace", "no-such.trace")]
    [InlineData(1, "usable_memory_gib is 96.0", "estimate", "--hardware", "m4-max-128", "--nodes", "2")]
    [InlineData(1, "hardware: expected one of", "estimate", "--hardware", "cray-1")]
    [InlineData(1, "weights: expected bf16", "estimate", "--weights", "q99")]
    [InlineData(2, "--nodes", "estimate", "--nodes", "2,x")]
    [InlineData(2, "--strategy", "estimate", "--strategy", "p-xyz")]
    [InlineData(2, "--straggler: expected RANK:FACTOR", "simulate", "--straggler", "1")]
    [InlineData(1, "straggler: expected a rank from 0 to 1, found 2", "simulate", "--nodes", "2", "--straggler", "2:1.5")]
    [InlineData(1, "strategy: expected a decentralized one", "simulate", "--strategy", "naive")]
    [InlineData(1, "expected 1 kind for all or one for each of 3 ranks, found 2", "simulate", "--nodes", "3", "--hardware-of-each", "m2-ultra-192,m4-max-128")]
    public void BadInput_IsOneLineWithTheRightExitCode(int exitCode, string expected, params string[] arguments)
    {
        SpmdProgram.Outcome run = SpmdProgram.Run(0, arguments);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(expected, run.Errors, StringComparison.Ordinal);
        Assert.Equal(1, run.Errors.Count(character => character == '\n'));
        Assert.Empty(run.Output);
    }

    [Fact]
    public void Estimate_Json_HasPredictionsTermsAndSources()
    {
        SpmdProgram.Outcome run = SpmdProgram.Run(0, "estimate", "--nodes", "2", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement first = json.RootElement.GetProperty("predictions")[0];
        Assert.Equal(2.646, first.GetProperty("E").GetDouble());
        double terms = json.RootElement.GetProperty("terms").EnumerateArray()
            .Where(term => term.GetProperty("spread").GetString() == "experts, each once").Sum(term => term.GetProperty("ms").GetDouble());
        Assert.InRange(1000 / terms / first.GetProperty("tok/s").GetDouble(), 0.99, 1.01);
        Assert.All(json.RootElement.GetProperty("sources").EnumerateArray(), figure => Assert.NotEmpty(figure.GetProperty("source").GetString()!));
    }

    [Fact]
    public void Estimate_Paper_PrintsEveryTable()
    {
        SpmdProgram.Outcome run = SpmdProgram.Run(0, "estimate", "--paper", "--format", "csv");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains("naive,2,s/token,0.857,", run.Output, StringComparison.Ordinal);
        Assert.Contains("8,tokens_per_s,14.2,14.2,none", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Estimate_Svg_WritesAPlot()
    {
        using TemporaryDirectory folder = new();
        string file = folder["plot.svg"];
        SpmdProgram.Outcome run = SpmdProgram.Run(0, "estimate", "--nodes", "2,4", "--svg", file);
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.StartsWith("<svg ", File.ReadAllText(file), StringComparison.Ordinal);
        Assert.Contains("fastest that fits: 2 nodes, slices", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Simulate_TwoNodes_AgreesWithTheFormulaItPrints()
    {
        SpmdProgram.Outcome run = SpmdProgram.Run(0, "simulate", "--nodes", "2", "--tokens", "5", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement row = json.RootElement.GetProperty("simulation")[0];
        Assert.Equal(row.GetProperty("formula_tok/s").GetDouble(), row.GetProperty("tok/s").GetDouble());
    }

    [Fact]
    public void Simulate_Scaling_SaysWhereItEnds()
    {
        SpmdProgram.Outcome run = SpmdProgram.Run(0, "simulate", "--scaling", "--nodes", "1,2,4,8");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains("one all-reduce a layer is fastest on 2 ranks", run.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void EstimateCalibrate_TwoRanks_WritesWhatMeasuredReads()
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no MPI on this machine");
        using TemporaryDirectory folder = new();
        string file = folder["measured.json"];
        SpmdProgram.Outcome measured = SpmdProgram.Run(2, "estimate", "--calibrate", file, "--threads", "1", "--format", "csv");
        Assert.Equal(0, measured.ExitCode);
        foreach (string row in new[] { "peak of a node,", "share that prefill reaches,", "all-reduce latency," })
            Assert.Contains(row, measured.Output, StringComparison.Ordinal);
        SpmdProgram.Outcome estimate = SpmdProgram.Run(
            0, "estimate", "--measured", file, "--model", RepositoryPaths.TinyModel, "--nodes", "1", "--ranks-per-node", "2", "--format", "csv");
        Assert.Equal((0, ""), (estimate.ExitCode, estimate.Errors));
        Assert.Contains("experts shared by the ranks of a node", estimate.Output, StringComparison.Ordinal);
    }
}
