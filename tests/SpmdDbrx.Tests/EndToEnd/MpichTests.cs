using System.Diagnostics;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>What run.sh adds to MPICH's launcher, which ends all ranks with one that was killed and names another.</summary>
public sealed class MpichTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private const int Ranks = 3, PeerLost = 75;
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(5);

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(2)]
    public void Generate_RankKilled_IsNamedWithItsHostAndNotOnStandardOutput(int victim)
    {
        Skip.IfNot(IsInstalled("mpiexec.mpich") && IsInstalled("mpicc.mpich"), "MPICH is not installed beside another MPI");
        using TemporaryDirectory folder = new();
        File.WriteAllLines(folder["prompts.jsonl"], Enumerable.Repeat("{\"prompt\": \"The\"}", 1000));
        using Process job = Start("generate", "--model", model.ModelPath, "--prompts", folder["prompts.jsonl"], "-n", "300", "--ignore-eos", "--json", "--threads", "1");
        try
        {
            KillAndCheck(job, victim);
        }
        finally
        {
            job.Kill(entireProcessTree: true);
        }
    }

    private static void KillAndCheck(Process job, int victim)
    {
        Task<string> errors = job.StandardError.ReadToEndAsync();
        Assert.True(job.StandardOutput.ReadLine()?.StartsWith('{') == true, "no result");
        Task<string> rest = job.StandardOutput.ReadToEndAsync();
        int[] processes = SpmdProgram.RankProcesses(job.Id);
        Assert.Equal(Ranks, processes.Length);
        Stopwatch clock = Stopwatch.StartNew();
        Process.GetProcessById(processes.Single(process => RankOf(process) == victim)).Kill();

        Assert.True(job.WaitForExit(Promise), "the job outlives a killed rank");
        Assert.Equal(PeerLost, job.ExitCode);
        string line = Assert.Single(errors.Result.Split('\n'), line => line.Contains("lost", StringComparison.Ordinal) || line.Contains("illed", StringComparison.Ordinal));
        Assert.Contains($"spmd-dbrx: lost rank {victim} on {System.Environment.MachineName} ", line, StringComparison.Ordinal);
        Assert.All(rest.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries), result => Assert.StartsWith("{", result, StringComparison.Ordinal));
        Assert.True(clock.Elapsed < Promise, $"took {clock.Elapsed.TotalSeconds:F1} s");
    }

    private static Process Start(params string[] arguments)
    {
        ProcessStartInfo start = new(Path.Combine(RepositoryPaths.Root, "run.sh"), ["-n", $"{Ranks}", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MPIEXEC"] = "mpiexec.mpich";
        start.Environment["MPICC"] = "mpicc.mpich";
        return Process.Start(start)!;
    }

    private static int RankOf(int process) => File.ReadAllText($"/proc/{process}/environ").Split('\0')
        .Where(variable => variable.StartsWith("PMI_RANK=", StringComparison.Ordinal))
        .Select(variable => int.Parse(variable["PMI_RANK=".Length..], System.Globalization.CultureInfo.InvariantCulture)).Single();

    private static bool IsInstalled(string program) =>
        (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
