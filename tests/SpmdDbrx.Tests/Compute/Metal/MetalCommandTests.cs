using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>Command buffers: deadlines, failures, and work encoded ahead.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalCommandTests
{
    [SkippableFact]
    public void Complete_CommandBufferThatNeverEnds_NamesTheOperation()
    {
        using EmulatorOption stall = new("stalledCommandBuffers", 0);
        using MetalDevice device = MetalCollection.Open(new MetalOptions { Deadline = TimeSpan.FromMilliseconds(200) });
        DeviceBuffer buffer = device.Allocate(64);
        Activations row = new(buffer, 0, 1, 16);
        EmulatorOption.Set("stalledCommandBuffers", 1);
        device.Add(row, row);
        MetalException error = Assert.Throws<MetalException>(device.Complete);
        Assert.Contains("did not finish 'Add' within 0.2 s (--gpu-deadline)", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Dispose_AfterACommandBufferThatNeverEnds_KeepsWhatTheGpuMayStillUse()
    {
        using EmulatorOption stall = new("stalledCommandBuffers", 0);
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, new byte[MetalDevice.PageBytes]);
        try
        {
            Assert.False(IsMappedAfterDispose(path, stalled: 0));
            Assert.True(IsMappedAfterDispose(path, stalled: 1));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static bool IsMappedAfterDispose(string path, int stalled)
    {
        using MetalDevice device = MetalCollection.Open(new MetalOptions { Deadline = TimeSpan.FromMilliseconds(100) });
        using (MappedFile file = MappedFile.Open(path))
        using (DeviceBuffer wrapped = device.Wrap(file, 0, file.Length))
        using (DeviceBuffer sums = device.Allocate(16 * sizeof(float)))
        {
            EmulatorOption.Set("stalledCommandBuffers", stalled);
            device.Add(new Activations(sums, 0, 1, 16), new Activations(wrapped, 0, 1, 16));
            if (stalled == 0)
                device.Complete();
            else
                Assert.Throws<MetalException>(device.Complete);
        }
        return File.ReadLines("/proc/self/maps").Any(line => line.EndsWith(path, StringComparison.Ordinal));
    }

    [SkippableFact]
    public void Complete_FailingCommandBuffer_SaysWhatTheGpuSaid()
    {
        using EmulatorOption failure = new("failingCommandBuffers", 0);
        using DeviceFixture fixture = new(MetalCollection.Open());
        Activations row = fixture.Activations(1, 16);
        EmulatorOption.Set("failingCommandBuffers", 1);
        fixture.Device.Add(row, row);
        MetalException error = Assert.Throws<MetalException>(fixture.Device.Complete);
        Assert.Contains("failed in or before 'Add': Caused GPU Hang Error", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Commit_NextLayerEncodedAhead_SeesWhatTheHostWroteInBetween()
    {
        MetalDevice device = MetalCollection.Open();
        using DeviceFixture fixture = new(device);
        Activations sum = fixture.Activations(1, 64), hidden = fixture.Activations(1, 64), first = fixture.Activations(1, 64);
        float[] before = hidden.Values.ToArray(), addend = first.Values.ToArray();
        sum.Values.Fill(1);
        device.Add(sum, first);
        device.Commit();
        device.Add(hidden, sum);  // the next layer, encoded while this one runs
        device.Wait();
        float[] partial = sum.Values.ToArray();
        for (int i = 0; i < partial.Length; i++)
            sum.Values[i] *= 2;   // what an all-reduce over two equal ranks would leave
        device.Complete();
        for (int i = 0; i < partial.Length; i++)
        {
            Assert.Equal(1 + addend[i], partial[i]);
            Assert.Equal(before[i] + (2 * partial[i]), hidden.Values[i]);
        }
    }
}
