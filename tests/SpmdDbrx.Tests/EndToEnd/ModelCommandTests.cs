using System.Diagnostics;
using System.Text.Json.Nodes;
using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Tests.Model;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>prestack, verify, inspect and make-model as a user runs them.</summary>
public sealed class ModelCommandTests : IDisposable
{
    /// <summary>100 MB: long enough to be interrupted.</summary>
    private static readonly ModelConfig Interruptible = SmallCheckpoint.Config with { HiddenDim = 1024, HeadCount = 8, HeadDim = 128, ExpertHiddenDim = 1000 };

    private readonly TemporaryDirectory folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Prestack_TinyModel_VerifiesAndInspects()
    {
        SpmdProgram.Outcome prestack = SpmdProgram.Run(0, "prestack", "--model", RepositoryPaths.TinyModel, "--out", folder["out"]);
        SpmdProgram.Outcome verify = SpmdProgram.Run(0, "verify", "--model", folder["out"]);
        SpmdProgram.Outcome inspect = SpmdProgram.Run(0, "inspect", "--model", folder["out"], "--json");

        Assert.Equal((0, ""), (prestack.ExitCode, prestack.Errors));
        Assert.Equal((0, ""), (verify.ExitCode, verify.Errors));
        Assert.Contains("every hash holds", verify.Output, StringComparison.Ordinal);
        JsonNode json = JsonNode.Parse(inspect.Output)!;
        Assert.Equal((5_448_832L, "prestacked"), ((long)json["parameters"]!, (string?)json["kind"]));
        Assert.Contains((string)json["fingerprint"]!, prestack.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_DamagedFiles_NamesEveryBadSectionAndFails()
    {
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], new PrestackOptions());
        foreach (string file in new[] { "experts/expert-01.bin", "experts/expert-14.bin" })
        {
            using FileStream stream = File.OpenWrite(Path.Combine(folder["out"], file));
            stream.Position = 147456 + 99;
            stream.Write([1, 2, 3]);
        }

        SpmdProgram.Outcome verify = SpmdProgram.Run(0, "verify", "--model", folder["out"]);

        Assert.Equal(1, verify.ExitCode);
        string[] lines = verify.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Contains("expert-01.bin: offset 147456: section layers.1.experts.1 ", lines[0], StringComparison.Ordinal);
        Assert.Contains("expert-14.bin: offset 147456: section layers.1.experts.14 ", lines[1], StringComparison.Ordinal);
        Assert.Contains("2 faults", Assert.Single(verify.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void MakeModel_OddSizes_CanBePrestacked()
    {
        SpmdProgram.Outcome make = SpmdProgram.Run(
            0, "make-model", "--out", folder["in"], "--layers", "2", "--hidden-dim", "36", "--heads", "6", "--kv-heads", "2", "--experts", "3",
            "--experts-per-token", "2", "--expert-hidden-dim", "7", "--vocabulary", "55", "--dtype", "f32", "--seed", "-1");
        SpmdProgram.Outcome prestack = SpmdProgram.Run(0, "prestack", "--model", folder["in"], "--out", folder["out"], "--weights", "bf16");

        Assert.Equal((0, ""), (make.ExitCode, make.Errors));
        Assert.Equal((0, ""), (prestack.ExitCode, prestack.Errors));
        Assert.Equal((36, 6, ElementType.BFloat16), Facts(ModelDirectory.Open(folder["out"]).Config));
    }

    [Theory]
    [InlineData(1, "is there already", "prestack", "--model", "TINY", "--out", "OUT")]
    [InlineData(1, "found nothing", "prestack", "--model", "NONE", "--out", "NEW")]
    [InlineData(1, "manifest.json", "verify", "--model", "TINY")]
    [InlineData(1, "n_heads", "make-model", "--out", "NEW", "--heads", "7")]
    [InlineData(2, "--weights", "prestack", "--model", "TINY", "--out", "NEW", "--weights", "bf15")]
    [InlineData(2, "--out", "prestack", "--model", "TINY")]
    [InlineData(2, "--layers", "make-model", "--out", "NEW", "--layers", "0")]
    public void BadUse_EndsWithOneLineAndItsCode(int exitCode, string fragment, params string[] arguments)
    {
        Directory.CreateDirectory(folder["out/x"]);
        string[] real = [.. arguments.Select(argument => argument switch
        {
            "TINY" => RepositoryPaths.TinyModel,
            "OUT" => folder["out"],
            "NEW" => folder["new"],
            "NONE" => folder["none"],
            _ => argument,
        })];

        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, real);

        Assert.Equal((exitCode, ""), (outcome.ExitCode, outcome.Output));
        Assert.Contains(fragment, Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal([folder["out"]], Directory.GetFileSystemEntries(folder.Root));
    }

    [SkippableFact]
    public void Prestack_Killed_TheOldDirectoryIsWholeAndTheNextRunSucceeds()
    {
        Skip.If(OperatingSystem.IsWindows(), "signals");
        string before = PrepareInterruption();

        Interrupt(process => process.Kill());

        Assert.Equal(before, ModelDirectory.Open(folder["out"]).Fingerprint);
        Assert.Empty(Verifier.Run(folder["out"], presentOnly: false, threads: 1));
        Assert.True(Directory.Exists(folder["out.partial"]));
        SpmdProgram.Outcome again = SpmdProgram.Run(0, "prestack", "--model", folder["in"], "--out", folder["out"], "--force");
        Assert.Equal((0, ""), (again.ExitCode, again.Errors));
        Assert.Empty(Verifier.Run(folder["out"], presentOnly: false, threads: 1));
        Assert.NotEqual(before, ModelDirectory.Open(folder["out"]).Fingerprint);
        Assert.Equal([folder["in"], folder["out"]], Directory.GetFileSystemEntries(folder.Root).Order());
    }

    [SkippableFact]
    public void Prestack_Terminated_CleansUpAndSaysSo()
    {
        Skip.If(OperatingSystem.IsWindows(), "signals");
        string before = PrepareInterruption();

        int exitCode = Interrupt(process => RunTool("kill", "-TERM", $"{process.Id}"));

        Assert.Equal(143, exitCode);
        Assert.Equal(before, ModelDirectory.Open(folder["out"]).Fingerprint);
        Assert.Equal([folder["in"], folder["out"]], Directory.GetFileSystemEntries(folder.Root).Order());
    }

    [SkippableFact]
    public void Prestack_ModelLargerThanItsMemory_StaysSmall()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "peak memory is read from /proc");
        string model = SparseCheckpoint.Write(folder["in"], Interruptible with { ExpertHiddenDim = 4000 });
        long peakBytes = 0;

        using Process process = SpmdProgram.Start([(0, ["prestack", "--model", model, "--out", folder["out"], "--threads", "2"])]);
        while (!process.WaitForExit(5))
        {
            process.Refresh();
            try
            {
                peakBytes = Math.Max(peakBytes, process.PeakWorkingSet64);
            }
            catch (InvalidOperationException) when (process.HasExited)
            {
            }
        }

        Assert.Equal(0, process.ExitCode);
        long modelBytes = ModelDirectory.Open(folder["out"]).WeightFiles.Sum(file => file.Bytes);
        Assert.InRange(modelBytes, 380_000_000, long.MaxValue);
        Assert.InRange(peakBytes, 10_000_000, 200_000_000);
    }

    [SkippableTheory]
    [InlineData("9m", "free bytes")]
    [InlineData("10900k", "No space left")]
    public void Prestack_DiskFull_EndsWithOneLineAndLeavesNothing(string size, string fragment)
    {
        // 9 MB hold less than the weights: seen before the first byte. 10900 kB hold the weights but not the tokenizer: seen while writing.
        Directory.CreateDirectory(folder["disk"]);
        Skip.IfNot(OperatingSystem.IsLinux() && RunTool("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", folder["disk"]) == 0, "mounting a small disk needs root on Linux");
        try
        {
            SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "prestack", "--model", RepositoryPaths.TinyModel, "--out", folder["disk/out"]);

            Assert.Equal((1, ""), (outcome.ExitCode, outcome.Output));
            Assert.Contains(fragment, Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
            Assert.Empty(Directory.GetFileSystemEntries(folder["disk"]));
        }
        finally
        {
            RunTool("umount", folder["disk"]);
        }
    }

    private static int RunTool(string name, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private string PrepareInterruption()
    {
        SmallCheckpoint.Write(folder["in"], Interruptible);
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], new PrestackOptions());
        return ModelDirectory.Open(folder["out"]).Fingerprint;
    }

    /// <summary>Starts prestack over the old directory and ends it once it has begun to write experts.</summary>
    private int Interrupt(Action<Process> end)
    {
        using Process process = SpmdProgram.Start([(0, ["prestack", "--model", folder["in"], "--out", folder["out"], "--force", "--threads", "1"])]);
        while (!process.HasExited && !File.Exists(folder["out.partial/experts/expert-00.bin"]))
            Thread.Sleep(1);
        end(process);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.NotEqual(0, process.ExitCode);
        return process.ExitCode;
    }

    private static (int HiddenDim, int HeadDim, ElementType Type) Facts(ModelConfig config) => (config.HiddenDim, config.HeadDim, config.WeightType);
}
