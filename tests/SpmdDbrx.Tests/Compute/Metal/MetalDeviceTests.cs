using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>What the Metal device adds to the contract beside memory and command buffers, and what it must not do.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalDeviceTests
{
    [SkippableTheory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public void RmsNorm_OddColumns_MatchesReference(ElementType type)
    {
        MetalDevice device = MetalCollection.Open();
        using DeviceFixture fixture = new(device);
        foreach (int columns in new[] { 1, 33, 1000, 6144 })
        {
            Activations input = fixture.Activations(2, columns), output = fixture.Activations(2, columns);
            WeightMatrix weight = fixture.Weights(1, columns, type);
            device.RmsNorm(input, weight, 1e-6f, output);
            device.Complete();
            double[,] x = DeviceFixture.Read(input), w = DeviceFixture.Read(weight), expected = new double[2, columns];
            for (int row = 0; row < 2; row++)
            {
                double squares = 0;
                for (int column = 0; column < columns; column++)
                    squares += x[row, column] * x[row, column] / columns;
                for (int column = 0; column < columns; column++)
                    expected[row, column] = x[row, column] / Math.Sqrt(squares + 1e-6) * w[0, column];
            }
            DeviceFixture.AssertClose(expected, output, 2e-5);
        }
    }

    [SkippableFact]
    public void Open_OlderSystems_FallBackOrSayWhy()
    {
        using (new EmulatorOption("residencySets", 0))
        {
            using MetalDevice device = MetalCollection.Open();
            Assert.False(device.KeepsWeightsWired);
        }
        using (new EmulatorOption("gpuFamily", 1005))
        {
            MetalException error = Assert.Throws<MetalException>(() => new MetalDevice());
            Assert.Contains("older than Apple6", error.Message, StringComparison.Ordinal);
        }
        using MetalDevice current = MetalCollection.Open();
        Assert.True(current.KeepsWeightsWired);
    }

    [SkippableTheory]
    [InlineData(LaneOrder.Forward, new float[] { 1, 2, 3, 4, 5, 6 })]
    [InlineData(LaneOrder.Reverse, new float[] { 1, 2, 2, 2, 2, 2 })]
    public void Add_TargetOneElementBehindTheAddend_ShowsTheLaneOrder(LaneOrder order, float[] expected)
    {
        using EmulatorOption laneOrder = new("laneOrder", (long)order);
        MetalDevice device = MetalCollection.Open();
        using DeviceFixture fixture = new(device);
        DeviceBuffer buffer = fixture.Own(device.Allocate(6 * sizeof(float)));
        buffer.Span<float>(0, 6).Fill(1);
        device.Add(new Activations(buffer, sizeof(float), 1, 5), new Activations(buffer, 0, 1, 5));
        device.Complete();
        Assert.Equal(expected, buffer.Span<float>(0, 6).ToArray());
    }

    [SkippableFact]
    public void Share_WithOtherRanks_IsRefused()
    {
        using MetalDevice device = MetalCollection.Open();
        Assert.Equal(0, device.SharedBatch);
        device.Share(null);
        Assert.Throws<NotSupportedException>(() => device.Share(new SharedWorkspace(0, 0, 0, 0, 2, () => { })));
        Assert.Throws<NotSupportedException>(() => device.MultiplyTogether(default, default, default));
        Assert.Throws<NotSupportedException>(() => device.AttendTogether(default, default!, null!, 0, 0, default));
        Assert.Throws<NotSupportedException>(() => device.SharedAttentionBytes(default!, 1, 1));
        ExpertAssignments shared = new(1, 1);
        shared.Clear(areShared: true);
        Assert.Throws<NotSupportedException>(() => device.RunExperts([], shared, default, default));
        Assert.Throws<NotSupportedException>(() => device.SharedExpertBytes(default));
        Assert.Throws<NotSupportedException>(() => device.SharedProductBytes(default, 1));
    }

    [SkippableFact]
    public void Multiply_BufferOfAnotherDevice_IsRefused()
    {
        using DeviceFixture fixture = new(MetalCollection.Open());
        using CpuDevice cpu = new(1);
        using DeviceBuffer foreign = cpu.Allocate(64);
        Activations row = fixture.Activations(1, 16);
        Assert.Throws<ArgumentException>(() => fixture.Device.Add(row, new Activations(foreign, 0, 1, 16)));
    }

    [SkippableFact]
    public void Decode_AfterTheFirstToken_AllocatesNothing()
    {
        MetalDevice device = MetalCollection.Open();
        using DeviceFixture fixture = new(device);
        Action token = TinyToken.On(fixture);
        for (int i = 0; i < 50; i++)
            token();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
            token();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [SkippableFact]
    public void Dispose_AfterWork_LeavesNoObject()
    {
        MetalDevice first = MetalCollection.Open();
        Skip.If(first.EmulatedTime is null, "only the emulator counts its objects");
        EmulatorClock emulator = first.EmulatedTime!;
        first.Dispose();
        long before = emulator.LiveObjects;
        using (DeviceFixture fixture = new(new MetalDevice()))
        {
            Action token = TinyToken.On(fixture);
            for (int i = 0; i < 3; i++)
                token();
        }
        // The queue's thread gives its last command buffer back a moment after it has signalled.
        SpinWait.SpinUntil(() => emulator.LiveObjects == before, TimeSpan.FromSeconds(10));
        Assert.Equal(before, emulator.LiveObjects);
    }
}
