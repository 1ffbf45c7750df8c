using SpmdDbrx.Compute;
using SpmdDbrx.Tests.Engine;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

[Collection(nameof(AllocationTests))]
public class CpuAllocationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(40)]
    public void AnyOperation_SecondCall_AllocatesNothing(int tokens)
    {
        using DeviceFixture fixture = new(new CpuDevice(2));
        using LayerCase layer = new(fixture, tokens);
        layer.Run(0);
        layer.Run(tokens);
        // All threads count, workers and the test runner's own: what a call allocates would show in every round.
        long least = long.MaxValue;
        for (int round = 0; round < 5; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            layer.Run(2 * tokens);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.Equal(0, least);
    }
}
