using System.Globalization;
using System.Xml.Linq;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>probe as its user runs it: a table, and Figure 4 as a file.</summary>
public sealed class ProbeCommandTests : IDisposable
{
    private static readonly string[] waits = ["0", "1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024", "2000"];

    private readonly TemporaryDirectory folder = new();

    public void Dispose() => folder.Dispose();

    [SkippableFact]
    public void Probe_OnTheEmulator_PrintsEveryWaitOfThreeSubjectsAndPlotsThem()
    {
        Skip.IfNot(MetalDevice.IsAvailable && !OperatingSystem.IsMacOS(), "no emulator: run `make -C native/metal`");
        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            0, "probe", "--device", "metal", "--layers", "40", "--hidden", "8", "--ffn", "8", "--repeat", "1", "--format", "csv", "--svg", folder["probe.svg"]);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Errors));
        string[] lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("wait (ms),unstacked,prestacked,\"unstacked, residency sets\"", lines[0]);
        string[][] rows = [.. lines[1..].Select(line => line.Split(','))];
        Assert.Equal(waits, rows.Select(row => row[0]));
        // Unstacked weights are slow from 16 ms on, prestacked ones beyond 512 ms, those in residency sets never.
        Assert.Equal([1, 1, 1], Slowdowns("8"));
        Assert.Equal([6, 1, 1], Slowdowns("512"));
        Assert.Equal([9, 6, 1], Slowdowns("2000"));

        XDocument plot = XDocument.Load(folder["probe.svg"]);
        Assert.Equal("svg", plot.Root!.Name.LocalName);
        Assert.Equal(3, plot.Descendants().Count(element => element.Name.LocalName == "polyline"));

        int[] Slowdowns(string wait)
        {
            double[] fast = Milliseconds("1"), at = Milliseconds(wait);
            return [.. at.Zip(fast, (slow, quick) => (int)(slow / quick))];
        }

        double[] Milliseconds(string wait) =>
            [.. rows.Single(row => row[0] == wait)[1..].Select(cell => double.Parse(cell, CultureInfo.InvariantCulture))];
    }
}
