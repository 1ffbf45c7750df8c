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

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(32)]
    public void Attend_AnyPositionAfterTheFirst_AllocatesNothing(int kvHeadCount)
    {
        const int Capacity = 20_000;
        using DeviceFixture fixture = new(new CpuDevice(1));
        AttentionShape shape = new(HeadCount: 32, kvHeadCount, HeadDim: 4, Clip: null);
        using KvCache cache = new(fixture.Device, 1, shape, Capacity);
        Activations qkv = fixture.Activations(1, shape.QkvDim), output = fixture.Activations(1, shape.QueryDim);
        fixture.Device.Attend(qkv, shape, cache, 0, 0, output);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int position = 0; position < Capacity; position = (position * 5 / 4) + 1)
            fixture.Device.Attend(qkv, shape, cache, 0, position, output);
        fixture.Device.Attend(qkv, shape, cache, 0, Capacity - 1, output);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
