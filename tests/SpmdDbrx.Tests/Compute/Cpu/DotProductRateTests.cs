using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance.Calibration;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>Tests that compare rates run alone.</summary>
[CollectionDefinition(nameof(DotProductRateTests), DisableParallelization = true)]
public sealed class DotProductRateCollection;

/// <summary>That bfloat16 dot products are what is measured where they are what computes; the best of several tries counts, since a shared host takes
/// time from any one of them.</summary>
[Collection(nameof(DotProductRateTests))]
public class DotProductRateTests
{
    private const int Tries = 5;

    [SkippableFact]
    public void Probe_PrefillInBFloat16_IsFasterThanMultiplyAdds()
    {
        Skip.IfNot(CpuDevice.HasBFloat16DotProducts, "this processor has no bfloat16 dot products");
        using CpuDevice device = CreateDevice();
        CpuProbe probe = new(device);
        Assert.True(Best(probe.PrefillFlopPerSecond) > Best(probe.Float32FlopPerSecond));
    }

    [SkippableFact]
    public void Run_PrefillInBFloat16_PeakIsThatOfTheInstructionsPrefillRunsOn()
    {
        Skip.IfNot(CpuDevice.HasBFloat16DotProducts, "this processor has no bfloat16 dot products");
        using CpuDevice device = CreateDevice();
        CpuProbe probe = new(device);
        using DeviceMeasurement measurement = new(device);
        double measured = Best(() => measurement.Run().FlopPerSecond);
        double between = Math.Sqrt(Best(probe.Float32FlopPerSecond) * Best(probe.BFloat16FlopPerSecond));
        Assert.True(measured > between, $"{measured:G3} FLOP/s: the peak of float32");
    }

    private static CpuDevice CreateDevice() => new(new CpuDeviceOptions(1) { Prefill = PrefillPrecision.BFloat16 });

    private static double Best(Func<double> rate) => Enumerable.Range(0, Tries).Max(_ => rate());
}
