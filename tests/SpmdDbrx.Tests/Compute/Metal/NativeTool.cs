using System.Diagnostics;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>A program that `make` builds from native/metal or bench/ptx.</summary>
internal static class NativeTool
{
    private static readonly TimeSpan deadline = TimeSpan.FromMinutes(5);

    /// <summary>Runs a program that lies beside the emulator.</summary>
    public static (int ExitCode, string Output, string Errors) Run(string name, params string[] arguments) =>
        RunBuilt(Path.Combine(Path.GetDirectoryName(MetalRuntimeLocator.FindEmulator()) ?? "", name), "native/metal", arguments);

    /// <summary>Runs a program; skips the test, visibly, where it has not been built.</summary>
    /// <param name="path">The program.</param>
    /// <param name="makefileFolder">What builds it.</param>
    /// <param name="arguments">Its arguments.</param>
    public static (int ExitCode, string Output, string Errors) RunBuilt(string path, string makefileFolder, params string[] arguments)
    {
        string name = Path.GetFileName(path);
        Skip.IfNot(File.Exists(path), $"{name} is not built: run `make -C {makefileFolder}`");
        ProcessStartInfo start = new(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(deadline))
        {
            process.Kill();
            Assert.Fail($"{name} did not end within {deadline}");
        }
        return (process.ExitCode, output.Result, errors.Result);
    }
}
