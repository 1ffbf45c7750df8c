using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Engine.Weights;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

/// <summary>Weights are summed while somebody waits, and left alone otherwise.</summary>
public sealed class StandbyTests : IDisposable
{
    private readonly CpuDevice device = new(1);
    private readonly DeviceBuffer weights;

    public StandbyTests() => weights = device.Allocate(4096);

    [Fact]
    public void While_LongWait_SumsEveryPeriodAndStopsWithIt()
    {
        Standby standby = new(device, [new BufferRange(weights, 0, weights.ByteLength)]) { Period = TimeSpan.FromMilliseconds(5) };
        Assert.True(standby.While(() => SpinWait.SpinUntil(() => standby.Rounds >= 3, TimeSpan.FromSeconds(20))));
        long rounds = standby.Rounds;
        Thread.Sleep(50);
        Assert.Equal(rounds, standby.Rounds);
    }

    [Fact]
    public void While_UserAwayForLong_LeavesTheDeviceInPeace()
    {
        Standby standby = new(device, [new BufferRange(weights, 0, weights.ByteLength)]) { Period = TimeSpan.FromMilliseconds(2), Limit = TimeSpan.FromMilliseconds(6) };
        standby.While(() => SpinWait.SpinUntil(() => standby.Rounds > 3, TimeSpan.FromMilliseconds(300)));
        Assert.InRange(standby.Rounds, 1, 3);
    }

    [Fact]
    public void While_NoWeights_OnlyWaits()
    {
        Standby standby = new(device, []) { Period = TimeSpan.Zero };
        standby.Run();
        Assert.Equal(7, standby.While(() => 7));
        Assert.Equal(0, standby.Rounds);
    }

    [Fact]
    public void While_WaitThrows_ThrowsAndEndsTheSums()
    {
        Standby standby = new(device, [new BufferRange(weights, 0, weights.ByteLength)]) { Period = TimeSpan.FromMilliseconds(1) };
        Assert.Throws<TimeoutException>(() => standby.While<int>(() => throw new TimeoutException()));
        long rounds = standby.Rounds;
        Thread.Sleep(30);
        Assert.Equal(rounds, standby.Rounds);
    }

    public void Dispose()
    {
        weights.Dispose();
        device.Dispose();
    }
}
