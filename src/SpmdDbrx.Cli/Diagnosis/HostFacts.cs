using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SpmdDbrx.Cli.Diagnosis;

/// <summary>What the operating system says about this machine.</summary>
internal static class HostFacts
{
    /// <summary>The processor's name, or its architecture where the system does not tell.</summary>
    public static string Processor()
    {
        string? name = OperatingSystem.IsMacOS() ? SystemControl("machdep.cpu.brand_string") : ModelName();
        return name ?? $"{RuntimeInformation.ProcessArchitecture} processor";
    }

    /// <summary>A value of macOS's <c>sysctl</c>; null where there is no such value.</summary>
    public static string? SystemControl(string name)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("sysctl", ["-n", name]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            string value = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 && value.Length > 0 ? value : null;
        }
        catch (Win32Exception)
        {
            return null; // no sysctl on this machine
        }
    }

    private static string? ModelName() => !File.Exists("/proc/cpuinfo")
        ? null
        : File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
}
