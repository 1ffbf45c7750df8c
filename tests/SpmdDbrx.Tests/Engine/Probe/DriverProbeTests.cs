using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Probe;
using SpmdDbrx.Tests.Compute.Metal;
using Xunit;
using Xunit.Abstractions;

namespace SpmdDbrx.Tests.Engine.Probe;

/// <summary>The driver-processing benchmark on the emulator (Figure 4's shape on its virtual clock) and on the CPU.</summary>
[Collection(MetalCollection.Name)]
public sealed class DriverProbeTests(ITestOutputHelper output)
{
    private static readonly ProbeOptions small = new() { LayerCount = 40, HiddenDim = 8, ExpertHiddenDim = 8, Repeats = 2 };

    [SkippableFact]
    public void Run_EmulatedDriver_DrawsFigure4()
    {
        MetalCollection.RequireEmulator();
        List<ProbeSample> samples = [.. ProbeSubject.Metal().SelectMany(subject => DriverProbe.Run(subject, small))];
        ProbeReport report = new(samples, "emulated & modelled", small);
        output.WriteLine(report.Table().ToText());

        Assert.Equal(3, System.Xml.Linq.XDocument.Parse(report.Plot().ToSvg()).Descendants().Count(element => element.Name.LocalName == "polyline"));

        double Cost(string subject, double wait) => samples.Single(sample => sample.Subject == subject && sample.WaitMilliseconds == wait).MillisecondsPerSample;
        Assert.Equal(Cost("unstacked", 1), Cost("unstacked", 8), 3);
        foreach (string subject in samples.Select(sample => sample.Subject).Distinct())
            Assert.True(Cost(subject, 0) > Cost(subject, 1) + 0.09, $"{subject}: the first sample must pay for the load");
        Assert.True(Cost("unstacked", 16) > 2 * Cost("unstacked", 1), "unstacked weights must slow down beyond 8 ms");
        Assert.Equal(Cost("prestacked", 1), Cost("prestacked", 512), 3);
        Assert.True(Cost("prestacked", 1024) > 2 * Cost("prestacked", 512), "prestacked weights must slow down beyond 512 ms");
        Assert.Equal(Cost("unstacked, residency sets", 1), Cost("unstacked, residency sets", 2000), 3);
    }

    [Fact]
    public void Run_OnTheCpu_MeasuresEveryWait()
    {
        ProbeOptions quick = small with { LayerCount = 2, Repeats = 1, Waits = [TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2)] };
        List<ProbeSample> samples = [.. ProbeSubject.Cpu(() => new CpuDevice(1)).SelectMany(subject => DriverProbe.Run(subject, quick))];
        Assert.Equal([0, 1, 2, 0, 1, 2], samples.Select(sample => sample.WaitMilliseconds));
        Assert.All(samples, sample => Assert.True(sample.MillisecondsPerSample > 0));
    }
}
