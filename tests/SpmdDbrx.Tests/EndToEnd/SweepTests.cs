using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>The command bench sweep. Where only the sweep itself is tested, a script stands for the launcher: it notes its words and prints a row.</summary>
public sealed class SweepTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>, IDisposable
{
    private const int Failed = 1;
    private const int Terminated = 143;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TemporaryDirectory folder = new();

    private string Results => folder["results"];

    [SkippableFact]
    public void Sweep_TwoCellsOfLocalRanks_MeasuresAndReports()
    {
        Skip.IfNot(SpmdProgram.HasOpenMpi, "no Open MPI, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        JsonObject sweep = Describe(nodes: [2]);
        sweep["launcher"] = new JsonArray(
            "mpiexec", "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1", "-n", "{nodes}", "dotnet", typeof(SpmdDbrx.Cli.Program).Assembly.Location);
        sweep["model"] = new JsonObject { ["directory"] = RepositoryPaths.TinyModel };
        sweep["systems"] = new JsonArray(new JsonObject { ["strategy"] = "naive" }, new JsonObject { ["strategy"] = "p-lr-d", ["placement"] = "best", ["experts_per_node"] = 12 });
        sweep["threads"] = 1;
        SpmdProgram.Outcome run = Run(sweep);

        Assert.True(run.ExitCode == 0, run.Errors);
        JsonElement[] generated = [.. Records().Select(record => record.GetProperty("rows")[1])];
        Assert.Equal([2.0, 1.0], generated.Select(row => row.GetProperty("communications_layer").GetDouble()));
        Assert.All(generated, row => Assert.Equal(2.0, row.GetProperty("mean_experts_layer").GetDouble()));
        string report = File.ReadAllText(Path.Combine(Results, "report.md"));
        foreach (string heading in new[] { "### Generated tokens/s", "### Where the time", "### Counted", "### Prompts" })
            Assert.Contains(heading, report, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Sweep_OnHostsOfALab_FeelsTheDelay()
    {
        Skip.If(Netlab.WhyNot is not null, Netlab.WhyNot);
        const double DelayMilliseconds = 2;
        JsonObject sweep = Describe(nodes: [2]);
        sweep["folder"] = RepositoryPaths.Root;
        sweep["launcher"] = new JsonArray(
            "tests/netlab/netlab.sh", "job", "{nodes}", "{network}", "{experts}", "--", "./run.sh", "-n", "{nodes}", "--hostfile", "$NETLAB/hostfile");
        sweep["networks"] = new JsonArray(new JsonObject { ["name"] = "2 ms", ["delay_us"] = 1000 * DelayMilliseconds });
        sweep["threads"] = 1;
        SpmdProgram.Outcome run = Run(sweep);

        Assert.True(run.ExitCode == 0, run.Errors);
        int layers = Records()[0].GetProperty("layers").GetInt32();
        Assert.True(Records()[0].GetProperty("rows")[1].GetProperty("comm_ms").GetDouble() > layers * DelayMilliseconds);
    }

    [SkippableFact]
    public void NetlabJob_ShowsEachHostItsOwnExpertsAtTheModelsOwnPath()
    {
        Skip.If(Netlab.WhyNot is not null, Netlab.WhyNot);
        string experts = Path.Combine(model.ModelPath, "experts");
        ProcessStartInfo start = new(
            Path.Combine(RepositoryPaths.Root, "tests", "netlab", "netlab.sh"),
            ["job", "2", "delay_us=100", "--model", model.ModelPath, "0-2,9", "8-15", "--", "sh", "-c", $"hostname; ls {experts}; cat $NETLAB/hostfile; exit 7"])
        {
            RedirectStandardOutput = true,
        };
        using Process job = Process.Start(start)!;
        string output = job.StandardOutput.ReadToEnd();
        job.WaitForExit();
        Assert.Equal(7, job.ExitCode);
        Assert.Equal(
            ["h1", "expert-00.bin", "expert-01.bin", "expert-02.bin", "expert-09.bin", "h1 slots=1", "h2 slots=1"],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(16, Directory.GetFiles(experts).Length);
    }

    [Fact]
    public void Sweep_StartedAgain_MeasuresOnlyWhatIsMissingAndDropsAHalfLine()
    {
        JsonObject sweep = Describe(nodes: [1, 2]);
        Assert.Equal(0, Run(sweep).ExitCode);
        Assert.Equal(["1", "2"], LaunchedNodes());
        Assert.Equal(0, Run(sweep).ExitCode);
        Assert.Equal(2, LaunchedNodes().Length);

        string cells = Path.Combine(Results, "cells.jsonl");
        string[] lines = File.ReadAllLines(cells);
        File.WriteAllText(cells, $"{lines[0]}\n{lines[1][..^20]}");
        SpmdProgram.Outcome again = Run(sweep);

        Assert.Equal((0, true), (again.ExitCode, again.Errors.Contains("1 of 2 cells are there", StringComparison.Ordinal)));
        Assert.Equal(["1", "2", "2"], LaunchedNodes());
        Assert.Equal([1, 2], Records().Select(record => record.GetProperty("cell").GetProperty("nodes").GetInt32()));
        sweep["repeats"] = 3;
        Assert.Equal(0, Run(sweep).ExitCode);
        Assert.Equal(5, LaunchedNodes().Length);
    }

    [Fact]
    public void Sweep_IsToldToStop_EndsTheJobAndKeepsWhatIsDone()
    {
        JsonObject sweep = Describe(nodes: [1, 2], script: "[ $nodes = 1 ] || { echo $$ > sleeper; exec sleep 60; }");
        using Process running = SpmdProgram.Start([(0, Arguments(sweep))]);
        Stopwatch clock = Stopwatch.StartNew();
        while (!(File.Exists(folder["sleeper"]) && File.ReadAllText(folder["sleeper"]).EndsWith('\n')) && clock.Elapsed < Patience)
            Thread.Sleep(20);
        Process.Start("kill", ["-TERM", $"{running.Id}"]).WaitForExit();
        Assert.True(running.WaitForExit(Patience));

        Assert.Equal(Terminated, running.ExitCode);
        Assert.Contains("start it again", running.StandardError.ReadToEnd(), StringComparison.Ordinal);
        Assert.False(Directory.Exists($"/proc/{File.ReadAllText(folder["sleeper"]).Trim()}"));
        Assert.Single(Records());
        Describe(nodes: [1, 2]);
        Assert.Equal(0, Run(sweep).ExitCode);
        Assert.Equal(["1", "2", "2"], LaunchedNodes());
    }

    [Theory]
    [InlineData("[ $nodes = 2 ] || { echo noise >&2; echo '[0/h1] spmd-dbrx: disk on fire' >&2; exit 3; }", "[0/h1] spmd-dbrx: disk on fire (exit code 3)")]
    [InlineData("[ $nodes = 2 ] || exec sleep 60", "no end after 1 s (limit_seconds)")]
    [InlineData("[ $nodes = 2 ] || { sleep 40 & exit 0; }", "launcher ended with code 0, what it started still holds its output: no end after 1 s (limit_seconds)")]
    [InlineData("[ $nodes = 2 ] || exit 0", "expected 2 rows of bench, found 0")]
    public void Sweep_ACellFails_IsRecordedAndTheRestIsMeasured(string script, string why)
    {
        JsonObject sweep = Describe(nodes: [1, 2], script);
        sweep["limit_seconds"] = 1;
        Stopwatch clock = Stopwatch.StartNew();
        SpmdProgram.Outcome run = Run(sweep);

        Assert.Equal(Failed, run.ExitCode);
        Assert.True(clock.Elapsed < Patience, $"{clock.Elapsed}: waited for what the launcher left");
        Assert.Contains("1 cells failed, 0 are missing", run.Errors, StringComparison.Ordinal);
        Assert.Equal(why, Records()[0].GetProperty("error").GetString());
        Assert.Equal(2, Records()[1].GetProperty("rows").GetArrayLength());
        Assert.Contains(why, File.ReadAllText(Path.Combine(Results, "report.md")), StringComparison.Ordinal);
        Describe(nodes: [1, 2]);
        Assert.Equal(0, Run(sweep).ExitCode);
        Assert.Equal(["1", "2", "1"], LaunchedNodes());
    }

    [Fact]
    public void Sweep_LauncherCannotWorkHere_StopsAtOnce()
    {
        SpmdProgram.Outcome run = Run(Describe(nodes: [1, 2], script: "echo 'needs root' >&2; exit 126"));
        Assert.Equal((Failed, 1), (run.ExitCode, LaunchedNodes().Length));
        Assert.Equal("spmd-dbrx: launcher: needs root (exit code 126)\n", run.Errors);
    }

    [Fact]
    public void Sweep_Report_HasTheTablesAndPlotsOfWhatVaries()
    {
        JsonObject sweep = Describe(nodes: [1, 2], script: "test $delay = 0 || tokens_per_second=50");
        sweep["networks"] = new JsonArray(
            new JsonObject { ["name"] = "none" }, new JsonObject { ["name"] = "half", ["delay_us"] = 500 },
            new JsonObject { ["name"] = "slow", ["rate_mbps"] = 10 }, new JsonObject { ["name"] = "fast", ["rate_mbps"] = 1000 });
        Assert.Equal(0, Run(sweep).ExitCode);
        string report = File.ReadAllText(Path.Combine(Results, "report.md"));
        Assert.Contains("| 2 | p-lr-d | 100.0 | 50.0 | 100.0 | 100.0 |", report, StringComparison.Ordinal);
        Assert.Contains("| 2 | p-lr-d | 3.0000 | 2.6462 | +13.4% | 2.0000 | 1 | 500 |", report, StringComparison.Ordinal);
        Assert.Contains("| 2 | half | p-lr-d | 50.0 | 0.01000 | 0.00500 | 0.00300 | 0.00200 | 30% | 80.0 | +75% |", report, StringComparison.Ordinal);
        Assert.Equal(
            ["delay-1-nodes.svg", "delay-2-nodes.svg", "nodes-network-0.svg", "nodes-network-1.svg", "nodes-network-2.svg", "nodes-network-3.svg", "rate-1-nodes.svg", "rate-2-nodes.svg"],
            Directory.GetFiles(Results, "*.svg").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        File.Delete(Path.Combine(Results, "report.md"));
        Assert.Equal(0, SpmdProgram.Run(0, [.. Arguments(sweep), "--report"]).ExitCode);
        Assert.Equal(report, File.ReadAllText(Path.Combine(Results, "report.md")));
    }

    [Theory]
    [InlineData("nodes", "[0]", "nodes[0]: expected a whole number from 1 to 1024, found 0")]
    [InlineData("nodes", "[]", "nodes: expected at least one, found []")]
    [InlineData("nodes", "[2, 2]", "two cells are called '2 nodes, p-lr-d, as it is, prompt of 8'")]
    [InlineData("systems", """[{"strategy": "fast"}]""", "systems[0].strategy: expected naive or p-lb or p-lr-d, found \"fast\"")]
    [InlineData("systems", """[{"strategy": "p-lr-d", "placement": "best"}]""", "systems[0].placement: expected a number experts_per_node beside it")]
    [InlineData("systems", """[{"strategy": "p-lr-d", "partition": "slices", "placement": "ring"}]""", "systems[0].placement: expected none")]
    [InlineData("systems", """[{"strategy": "p-lr-d", "experts_per_node": 8}]""", "systems[0].experts_per_node: expected none: contiguous gives each node its equal share")]
    [InlineData("systems", """[{"strategy": "p-lr-d", "partition": "slices", "experts_per_node": 8}]""", "systems[0].experts_per_node: expected none: slices")]
    [InlineData("systems", """[{"strategy": "p-lr-d", "placement": "ring", "experts_per_node": 3}]""", "2 ranks hold 6 experts together, fewer than the model's 16")]
    [InlineData("systems", """[{"strategy": "naive"}]""", "is prestacked; systems with unstacked experts need the checkpoint")]
    [InlineData("networks", """[{"name": "x", "delay": 5}]""", "networks[0].delay: unknown field")]
    [InlineData("launcher", """["sh", "{rank}"]""", "launcher: expected words, of which {nodes}, {network}, {experts} are replaced")]
    [InlineData("launcher", """["no-such-program"]""", "launcher: no-such-program: ")]
    [InlineData("model", """{"shape": "XXL"}""", "model.shape: expected S or W or dbrx, found \"XXL\"")]
    [InlineData("model", """{"directory": "nowhere"}""", "nowhere: ")]
    [InlineData("generated_tokens", "-1", "generated_tokens: expected a whole number from 0")]
    [InlineData("surprise", "1", "surprise: unknown field")]
    public void Sweep_BadFile_IsOneLineThatNamesTheField(string field, string value, string expected)
    {
        JsonObject sweep = Describe(nodes: [2]);
        sweep[field] = JsonNode.Parse(value);
        SpmdProgram.Outcome run = Run(sweep);
        Assert.Equal((Failed, ""), (run.ExitCode, run.Output));
        Assert.Contains(expected, run.Errors, StringComparison.Ordinal);
        Assert.Equal(1, run.Errors.Count(character => character == '\n'));
    }

    [Fact]
    public void Sweep_NetworksWithoutAPlaceForThem_IsAnError()
    {
        JsonObject sweep = Describe(nodes: [2]);
        sweep["launcher"] = new JsonArray("sh");
        sweep["networks"] = new JsonArray(new JsonObject { ["name"] = "far", ["delay_us"] = 500 });
        Assert.Contains("launcher: expected the word {network}", Run(sweep).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Sweep_ResultsThatAreNone_AreRefused()
    {
        JsonObject sweep = Describe(nodes: [2]);
        Directory.CreateDirectory(Results);
        File.WriteAllText(Path.Combine(Results, "cells.jsonl"), "{\"cell\":{}}\n");
        Assert.Contains("cells.jsonl: line 1: not the record of a cell", Run(sweep).Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("machine", "machine: missing")]
    [InlineData("mean_experts_layer", "rows[1].mean_experts_layer: missing")]
    public void Sweep_ReportOfARecordThatLacksAField_NamesFileLineAndField(string field, string expected)
    {
        JsonObject sweep = Describe(nodes: [1, 2]);
        Assert.Equal(0, Run(sweep).ExitCode);
        string cells = Path.Combine(Results, "cells.jsonl");
        JsonObject[] records = [.. File.ReadAllLines(cells).Select(line => JsonNode.Parse(line)!.AsObject())];
        if (!records[1].Remove(field))
            Assert.True(records[1]["rows"]![1]!.AsObject().Remove(field));
        File.WriteAllLines(cells, records.Select(record => record.ToJsonString()));
        SpmdProgram.Outcome report = SpmdProgram.Run(0, [.. Arguments(sweep), "--report"]);
        Assert.Equal((Failed, $"spmd-dbrx: {cells}: line 2: {expected}\n"), (report.ExitCode, report.Errors));
    }

    [Fact]
    public void Sweep_ReportOfACountBelowTheMean_SaysThatItIsRankZeros()
    {
        JsonObject sweep = Describe(nodes: [2]);
        Assert.Equal(0, Run(sweep).ExitCode);
        string cells = Path.Combine(Results, "cells.jsonl");
        File.WriteAllText(cells, File.ReadAllText(cells).Replace("\"mean_experts_layer\":2", "\"mean_experts_layer\":3.5", StringComparison.Ordinal));
        Assert.Equal(0, SpmdProgram.Run(0, [.. Arguments(sweep), "--report"]).ExitCode);
        Assert.Contains("| 2 | p-lr-d | 3.0000 (rank 0) | 2.6462 |  | 3.5000 |", File.ReadAllText(Path.Combine(Results, "report.md")), StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>A sweep whose launcher notes the number of nodes, does what <paramref name="script"/> says, and prints the rows of a bench.</summary>
    private JsonObject Describe(int[] nodes, string script = "")
    {
        string row = """{\"test\":\"%s\",\"t_s\":%s,\"moe_ms\":5,\"comm_ms\":3,\"misc_ms\":2,\"experts_layer\":3,\"mean_experts_layer\":2,\"communications_layer\":1,\"bytes_layer\":500,\"predicted_t_s\":80,\"error_percent\":75}\n""";
        File.WriteAllText(folder["launcher.sh"], $"""
            nodes=$1 delay=$2 tokens_per_second=100
            delay=$(echo "$delay" | sed s/delay_us=//)
            echo $nodes >> launched
            {script}
            printf "{row}" pp8 1000
            printf "{row}" tg4 $tokens_per_second
            """);
        return new JsonObject
        {
            ["title"] = "A test",
            ["folder"] = folder.Root,
            ["launcher"] = new JsonArray("sh", "launcher.sh", "{nodes}", "{network}", "{experts}"),
            ["model"] = new JsonObject { ["directory"] = model.ModelPath },
            ["work"] = folder["work"],
            ["nodes"] = new JsonArray([.. nodes.Select(count => JsonValue.Create(count))]),
            ["systems"] = new JsonArray(new JsonObject { ["strategy"] = "p-lr-d" }),
            ["prompt_tokens"] = new JsonArray(8),
            ["generated_tokens"] = 4,
            ["repeats"] = 2,
            ["options"] = new JsonArray("--no-probe"),
        };
    }

    private string[] Arguments(JsonObject sweep)
    {
        File.WriteAllText(folder["sweep.json"], sweep.ToJsonString());
        return ["bench", "sweep", folder["sweep.json"], "--out", Results];
    }

    private SpmdProgram.Outcome Run(JsonObject sweep) => SpmdProgram.Run(0, Arguments(sweep));

    private string[] LaunchedNodes() => File.ReadAllLines(folder["launched"]);

    private JsonElement[] Records() =>
        [.. File.ReadAllLines(Path.Combine(Results, "cells.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
}
