using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>What the CPU device promises beyond the contract: the same bits for any number of threads, and clear refusals.</summary>
public class CpuDeviceTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void AnyOperation_MoreThreads_GivesTheSameBits(int threads)
    {
        foreach (int tokens in new[] { 1, 2, 8, 9, 50 })
            Assert.Equal(Run(1, tokens), Run(threads, tokens));
    }

    [Fact]
    public void Multiply_ShapesDiffer_Throws()
    {
        using DeviceFixture fixture = new(new CpuDevice(1));
        Activations input = fixture.Activations(1, 8);
        WeightMatrix weight = fixture.Weights(4, 8, ElementType.BFloat16);
        Activations output = fixture.Activations(1, 5);
        Assert.Throws<ArgumentException>(() => fixture.Device.Multiply(input, weight, output));
    }

    [Fact]
    public void Multiply_WeightsLeaveTheirBuffer_Throws()
    {
        using DeviceFixture fixture = new(new CpuDevice(1));
        Activations input = fixture.Activations(1, 8);
        WeightMatrix weight = fixture.Weights(4, 8, ElementType.BFloat16) with { ByteOffset = 2 };
        Activations output = fixture.Activations(1, 4);
        Assert.Throws<ArgumentException>(() => fixture.Device.Multiply(input, weight, output));
    }

    [Fact]
    public void Allocate_AnyLength_IsZeroedAndAligned()
    {
        using CpuDevice device = new(1);
        foreach (long byteLength in new long[] { 1, 64, 4097, (4 << 20) + 1 })
        {
            using DeviceBuffer buffer = device.Allocate(byteLength);
            unsafe
            {
                Assert.Equal(0, (long)buffer.Pointer % 64);
            }
            Assert.False(buffer.Span<byte>(0, (int)byteLength).ContainsAnyExcept((byte)0));
        }
    }

    /// <summary>The bits of all outputs of three steps.</summary>
    private static int[] Run(int threads, int tokens)
    {
        using DeviceFixture fixture = new(new CpuDevice(threads));
        using LayerCase layer = new(fixture, tokens);
        List<int> bits = [];
        for (int step = 0; step < 3; step++)
        {
            layer.Run(step * tokens);
            foreach (Activations output in layer.Outputs)
            {
                foreach (float value in output.Values)
                    bits.Add(BitConverter.SingleToInt32Bits(value));
            }
        }
        return [.. bits];
    }
}
