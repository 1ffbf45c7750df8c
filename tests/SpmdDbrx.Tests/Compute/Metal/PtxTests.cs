using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The kernels as PTX, and the runner that checks them on a GPU: here everything of it that needs none.</summary>
public sealed partial class PtxTests
{
    [SkippableTheory]
    [InlineData]
    [InlineData("--reverse")]
    [InlineData("--shuffled")]
    public void Runner_OnTheEmulatorInEveryLaneOrder_ChecksEveryKernelAgainstFloat64(params string[] order)
    {
        (int exitCode, string output, string errors) = Run("run_emulated", order);
        Assert.True(exitCode == 0, output + errors);
        Assert.Matches(@"\n\d{3,} checks of \d+ kernels, 0 wrong\n$", output);
    }

    [SkippableFact]
    public void Runner_WrongArgument_SaysHowToCallIt()
    {
        (int exitCode, _, string errors) = Run("run_emulated", "--huge");
        Assert.Equal(2, exitCode);
        Assert.Contains("--huge: unknown; usage: run_emulated [--large | --reverse | --shuffled]", errors, StringComparison.Ordinal);
        (exitCode, _, errors) = Run("run", "/nonexistent.ptx");
        Assert.Equal(2, exitCode);
        Assert.Contains("/nonexistent.ptx: no PTX there", errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Runner_WithoutDriver_SaysSo()
    {
        Skip.If(NativeLibrary.TryLoad("libcuda.so.1", out _), "this machine has an NVIDIA driver: make -C bench/ptx measure");
        (int exitCode, _, string errors) = Run("run", Built("kernels.ptx"));
        Assert.Equal(77, exitCode);
        Assert.Contains("no NVIDIA driver on this machine", errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Ptx_Entries_AreTheLibrarysKernels()
    {
        (_, string kernels, _) = NativeTool.Run("replay", "--kernels");
        Skip.IfNot(File.Exists(Built("kernels.ptx")), "kernels.ptx is not built: run `make -C bench/ptx`");
        string[] entries = [.. Entry().Matches(File.ReadAllText(Built("kernels.ptx"))).Select(match => match.Groups[1].Value)];
        Assert.Equal(kernels.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal), entries.Order(StringComparer.Ordinal));
    }

    private static (int ExitCode, string Output, string Errors) Run(string name, params string[] arguments) =>
        NativeTool.RunBuilt(Built(name), "bench/ptx", arguments);

    private static string Built(string file) => Path.Combine(RepositoryPaths.Root, "build", "bench", "ptx", file);

    [GeneratedRegex(@"\.entry (\w+)")]
    private static partial Regex Entry();
}
