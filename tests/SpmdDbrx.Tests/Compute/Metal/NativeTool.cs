using System.Diagnostics;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>A program that `make -C native/metal` puts beside the emulator.</summary>
internal static class NativeTool
{
    private static readonly TimeSpan deadline = TimeSpan.FromMinutes(5);

    /// <summary>Runs it; skips the test, visibly, where it has not been built.</summary>
    public static (int ExitCode, string Output, string Errors) Run(string name, params string[] arguments)
    {
        string folder = Path.GetDirectoryName(MetalRuntimeLocator.FindEmulator()) ?? "";
        string path = Path.Combine(folder, name);
        Skip.IfNot(File.Exists(path), $"{name} is not built: run `make -C native/metal`");
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
