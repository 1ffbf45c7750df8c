using System.Text.Json.Nodes;
using SpmdDbrx.Cli.Benchmarks;
using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Tests.Engine;
using Xunit;

namespace SpmdDbrx.Tests.Cli;

/// <summary>Rows of two repetitions of 10 tokens in 1 s and in 2 s: 7.5 tokens/s, 3.54 apart.</summary>
public sealed class BenchOutputTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private const double Deviation = 3.5355339059327378;

    // Results in the repository and scripts of users have these names.
    private static readonly string[] Keys =
    [
        "model", "size", "params", "backend", "ranks", "test", "t_s", "deviation_t_s", "median_t_s", "strategy", "gb_s", "percent_of_read", "gflop_s",
        "percent_of_peak", "moe_ms", "comm_ms", "misc_ms", "experts_layer", "mean_experts_layer", "communications_layer", "bytes_layer", "predicted_t_s",
        "error_percent", "read_gb_s", "peak_gflop_s", "commit",
    ];

    [Fact]
    public void Add_JsonLines_HasEveryKeyAndTheDeviationAsANumber()
    {
        JsonObject row = JsonNode.Parse(Print("jsonl", predicted: 10))!.AsObject();
        Assert.Equal(Keys, row.Select(field => field.Key));
        Assert.Equal(Deviation, row["deviation_t_s"]!.GetValue<double>(), 12);
        // Against the median, which is 7.5 too.
        Assert.Equal(50, row["error_percent"]!.GetValue<double>(), 9);
    }

    [Fact]
    public void Add_Csv_HasAColumnForEachKey()
    {
        string[][] lines = [.. Print("csv", predicted: 10).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split("\",\""))];
        Assert.Equal((2, Keys.Length, Keys.Length), (lines.Length, lines[0].Length, lines[1].Length));
        Assert.StartsWith("3.5355", lines[1][Array.IndexOf(lines[0], "deviation t/s")], StringComparison.Ordinal);
    }

    [Fact]
    public void Add_Markdown_ShowsTheDeviationBesideTheMeanOnly()
    {
        string table = Print("md", predicted: 10);
        Assert.Contains("| 7.50 ± 3.54 | 7.50 |", table, StringComparison.Ordinal);
        Assert.DoesNotContain("deviation", table, StringComparison.Ordinal);
        Assert.Single(table.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Count(character => character == '|')).Distinct());
    }

    [Fact]
    public void Add_NoPrediction_LeavesItAndItsErrorEmpty()
    {
        JsonObject row = JsonNode.Parse(Print("jsonl", predicted: null))!.AsObject();
        Assert.Equal(Keys, row.Select(field => field.Key));
        Assert.Null(row["predicted_t_s"]);
        Assert.Null(row["error_percent"]);
        Assert.Contains("| – | – |", Print("md", predicted: null), StringComparison.Ordinal);
    }

    private string Print(string format, double? predicted)
    {
        using StringWriter text = new();
        SessionRunner.Run(1, model.ModelPath, new EngineOptions { ContextLength = 16 }, session =>
        {
            BenchmarkResult result = new(
                new BenchmarkTest(IsPrompt: false, Tokens: 10, Depth: 0),
                [.. ((double[])[1, 2]).Select(seconds => new PhaseStatistics(10, seconds, 0, 0, 1, 1, 1, 0, 0, 0))],
                BytesPerToken: 1e9, FlopPerToken: 1e9, BusiestExperts: 1, MeanExperts: 1, new LayerCommunication(1, 1), [.. Enumerable.Repeat(new MachineRates(1e10, 1e12), 3)]);
            BenchOutput output = new(text, format);
            output.Add(new BenchRow(session, "p-lr-d", result, predicted is { } speed ? new BenchPrediction(speed, 0.5) : null));
            output.Complete();
        });
        return text.ToString();
    }
}
