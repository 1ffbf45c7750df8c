using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

public class CpuProbeTests
{
    [Fact]
    public void Probe_OneThread_GivesPlausibleCeilings()
    {
        using CpuDevice device = new(1);
        using DeviceBuffer buffer = device.Allocate(64 << 20);
        buffer.Span<byte>(0, 64 << 20).Fill(1);
        CpuProbe probe = new(device);
        Assert.InRange(probe.ReadBytesPerSecond(buffer), 1e8, 1e13);
        // A vector multiply-add every few cycles at the least, a few every cycle at the most.
        Assert.InRange(probe.Float32FlopPerSecond(), 1e8, 1e12);
        Assert.Equal(CpuDevice.HasBFloat16DotProducts, probe.BFloat16FlopPerSecond() > 0);
    }
}
