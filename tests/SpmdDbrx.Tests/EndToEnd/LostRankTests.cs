using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>A rank that is killed, freezes or is cut off, in every phase: within five seconds everybody is gone on all hosts, and one
/// line has named the rank and its host.</summary>
/// <remarks>Here runs a selection in which each phase meets each fault and each rank is hit; tests/netlab/fault-matrix.sh runs all.</remarks>
[Collection(NetlabCollection.Name)]
public sealed class LostRankTests(Netlab lab) : IDisposable
{
    private const int PeerLost = 75;
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan StopPromise = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly List<IDisposable> owned = [];

    public static TheoryData<string, string, int> Faults()
    {
        TheoryData<string, string, int> faults = [];
        bool all = System.Environment.GetEnvironmentVariable("SPMD_FAULT_MATRIX") == "all";
        string[] phases = ["load", "prefill", "decode"], kinds = ["kill", "freeze", "cut"];
        for (int phase = 0; phase < phases.Length; phase++)
        {
            for (int kind = 0; kind < kinds.Length; kind++)
            {
                for (int rank = 0; rank < Netlab.Hosts; rank++)
                {
                    if (all || rank == (phase + kind) % Netlab.Hosts)
                        faults.Add(phases[phase], kinds[kind], rank);
                }
            }
        }
        return faults;
    }

    [SkippableTheory]
    [MemberData(nameof(Faults))]
    public void Job_LosesARank_EndsEverywhereAndNamesIt(string phase, string fault, int rank)
    {
        Skip.If(Netlab.WhyNot is not null, Netlab.WhyNot);
        using Process job = StartIn(phase);
        Task<string> errors = job.StandardError.ReadToEndAsync();
        RequireAllGone(job, Prepare(fault, rank), Promise, PeerLost, errors);
        string line = Assert.Single(errors.Result.Split('\n'), IsVerdict);
        if (fault == "kill")
        {
            Assert.Contains($"rank {rank} ", line, StringComparison.Ordinal);
            Assert.Contains($" h{rank + 1} ", line, StringComparison.Ordinal);
            return;
        }
        // Only the launcher's side of a cut is heard: behind rank 0's own link, that is rank 0 alone.
        int[] lost = fault == "cut" && rank == 0 ? [1, 2, 3] : [rank];
        Assert.All(lost, gone => Assert.Contains($"rank {gone} on h{gone + 1} ", line, StringComparison.Ordinal));
        Assert.Equal(lost.Length, line.Split("(last in ").Length - 1);
        string where = phase switch
        {
            "load" => "is in opening the model, all-gather",
            "prefill" => "is in (prefill, layer [0-9]+, all-reduce|checking the prompt, all-gather)",
            _ => "is in decode, layer [0-9]+, all-reduce",
        };
        Assert.True(System.Text.RegularExpressions.Regex.IsMatch(line, where), line);
    }

    [SkippableTheory]
    [InlineData("TERM", 143)]
    [InlineData("INT", 130)]
    public void Job_IsToldToStop_EndsEverywhereWithoutAWord(string signal, int exitCode)
    {
        Skip.If(Netlab.WhyNot is not null, Netlab.WhyNot);
        Skip.If(signal == "INT" && IgnoresInterrupts(), "SIGINT is ignored here, and so in every child: a shell without job control starts background jobs so");
        using Process job = StartIn("decode");
        Task<string> errors = job.StandardError.ReadToEndAsync();
        RequireAllGone(job, () => Signal(signal, job.Id), StopPromise, exitCode, errors);
        Assert.DoesNotContain("lost rank", errors.Result, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Generate_OverALossyNetwork_GivesTheReferencesTokens()
    {
        Skip.If(Netlab.WhyNot is not null, Netlab.WhyNot);
        lab.Execute("set", "delay_us=200", "jitter_us=150", "loss_ppm=1000");
        IReadOnlyList<GoldenPrompt> prompts = TinyModelGolden.Instance.Prompts;
        File.WriteAllLines(lab["golden.jsonl"], prompts.Select(prompt => JsonSerializer.Serialize(new { prompt = prompt.Text })));
        using Process job = lab.Start("generate", "--model", lab.ModelPath, "--prompts", lab["golden.jsonl"], "-n", "48", "--ignore-eos", "--json");
        Task<string> errors = job.StandardError.ReadToEndAsync();
        string[] results = job.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        job.WaitForExit();

        Assert.True(job.ExitCode == 0, errors.Result);
        Assert.Equal(prompts.Count, results.Length);
        for (int index = 0; index < results.Length; index++)
        {
            using JsonDocument result = JsonDocument.Parse(results[index]);
            Assert.Equal(prompts[index].GreedyTokens, TinyModelGolden.Ids(result.RootElement.GetProperty("tokens")));
            Assert.Equal(Netlab.Hosts, result.RootElement.GetProperty("ranks").GetInt32());
        }
    }

    public void Dispose()
    {
        foreach (IDisposable resource in owned)
            resource.Dispose();
        if (Netlab.WhyNot is not null)
            return;
        foreach (string process in lab.Execute("pids"))
            Signal("KILL", Number(process));
        lab.Execute("set", "cut=", "delay_us=0", "jitter_us=0", "loss_ppm=0");
    }

    /// <summary>A job that stays in a phase, and has reached it.</summary>
    private Process StartIn(string phase) => phase == "load" ? StartLoading() : StartGenerating(isPrefill: phase == "prefill");

    /// <summary>One host's disk hangs: its rank waits for the manifest, the others for the rank.</summary>
    private Process StartLoading()
    {
        const string Host = "h3";
        string pipe = lab["manifest.pipe"], manifest = Path.Combine(lab.ModelPath, "manifest.json");
        if (!File.Exists(pipe))
            Process.Start("mkfifo", [pipe]).WaitForExit();
        lab.Execute("run", "--on", Host, "mount", "--bind", pipe, manifest);
        owned.Add(new Cleanup(() => lab.Execute("run", "--on", Host, "umount", manifest)));
        Process job = lab.Start("generate", "--model", lab.ModelPath, "-p", "The");
        // Opening a pipe waits for its reader.
        Task<FileStream> opening = Task.Run(() => new FileStream(pipe, FileMode.Open, FileAccess.Write));
        Assert.True(opening.Wait(Patience), "no rank reads the manifest");
        owned.Insert(0, opening.Result);
        Thread.Sleep(TimeSpan.FromSeconds(0.5));
        return job;
    }

    /// <summary>A job of so many prompts that it cannot end by itself, and whose first text is out. With a token a batch, little happens between
    /// two prompts but the check of the next one.</summary>
    private Process StartGenerating(bool isPrefill)
    {
        Random random = new(1);
        IEnumerable<string> prompts = Enumerable.Range(0, 2000).Select(_ =>
            isPrefill ? string.Join(' ', Enumerable.Range(0, 40).Select(_ => random.Next(1000))) : "The");
        File.WriteAllLines(lab["prompts.jsonl"], prompts.Select(prompt => JsonSerializer.Serialize(new { prompt })));
        Process job = lab.Start(
            "generate", "--model", lab.ModelPath, "--prompts", lab["prompts.jsonl"], "-n", isPrefill ? "1" : "500", "--batch", "1", "--ignore-eos", "--stream");
        Assert.True(job.StandardOutput.Read() >= 0, "no text");
        _ = job.StandardOutput.ReadToEndAsync();
        return job;
    }

    /// <summary>What makes the fault happen; everything that has to be looked up for it is.</summary>
    private Action Prepare(string fault, int rank)
    {
        string host = $"h{rank + 1}";
        if (fault == "cut")
            return () => lab.Execute("set", $"cut={host}");
        int victim = Number(lab.Execute("ranks", host).Single());
        return () => Signal(fault == "kill" ? "KILL" : "STOP", victim);
    }

    /// <summary>Lets a fault happen; from then until the last process of the job has gone, on all hosts, no more time passes than promised.</summary>
    private void RequireAllGone(Process job, Action fault, TimeSpan promise, int exitCode, Task<string> errors)
    {
        List<int> processes = [job.Id, .. lab.Execute("pids").Select(Number)];
        fault();
        Stopwatch clock = Stopwatch.StartNew();
        while (processes.RemoveAll(HasGone) >= 0 && processes.Count > 0 && clock.Elapsed < Patience)
            Thread.Sleep(5);
        TimeSpan taken = clock.Elapsed;
        string[] late; // started since
        while ((late = lab.Execute("pids")).Length > 0 && clock.Elapsed < Patience)
            taken = clock.Elapsed;
        bool ended = job.WaitForExit(Patience);
        Assert.True(ended, $"run.sh still runs after {Patience.TotalSeconds} s");
        Assert.True(
            processes.Count + late.Length == 0 && taken < promise, $"{processes.Count + late.Length} processes left after {taken.TotalSeconds:F1} s; {errors.Result}");
        Assert.True(job.ExitCode == exitCode, $"exit code {job.ExitCode}: {errors.Result}");
    }

    /// <summary>Whether a process has ended; one that its parent has not waited for yet has.</summary>
    private static bool HasGone(int process)
    {
        try
        {
            string status = File.ReadAllText($"/proc/{process}/stat");
            return status[status.LastIndexOf(')') + 2] is 'Z' or 'X';
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsVerdict(string line) =>
        line.Contains("spmd-dbrx: lost rank", StringComparison.Ordinal) || line.Contains("exited on signal", StringComparison.Ordinal);

    private static bool IgnoresInterrupts()
    {
        const int Interrupt = 2;
        string ignored = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        return (Convert.ToUInt64(ignored["SigIgn:".Length..].Trim(), 16) & (1UL << (Interrupt - 1))) != 0;
    }

    private static void Signal(string signal, int process) => Process.Start("kill", [$"-{signal}", $"{process}"]).WaitForExit();

    private sealed class Cleanup(Action action) : IDisposable
    {
        public void Dispose() => action();
    }
}
