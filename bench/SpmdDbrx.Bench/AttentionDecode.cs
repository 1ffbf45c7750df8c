using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>One token's attention over 8,000 positions: bound by memory.</summary>
public class AttentionDecode : KernelBenchmark
{
    private const int Position = 8_000;

    /// <summary>One after the other, so that the outer caches hold none of what is read.</summary>
    private const int Layers = 8;

    private const long StreamBytes = 256 << 20;

    private int layer;
    private KvCache cache = null!;
    private DeviceBuffer stream = null!;
    private Activations qkv, output;

    [Benchmark]
    public void Attend() => Device.Attend(qkv, Shape.Attention, cache, layer = (layer + 1) % Layers, Position, output);

    protected override void Prepare()
    {
        cache = Own(new KvCache(Device, Layers, Shape.Attention, Position + 1));
        for (int index = 0; index < Layers; index++)
        {
            Fill(cache.Keys(index));
            Fill(cache.Values(index));
        }
        stream = Weights(StreamBytes);
        qkv = Activations(1, Shape.Attention.QkvDim);
        output = Activations(1, Shape.Attention.QueryDim);
    }

    protected override double Ceiling() => Probe.ReadBytesPerSecond(stream);

    protected override double WorkOfCall() => 2.0 * Shape.Attention.KvDim * sizeof(float) * (Position + 1);

    private static void Fill(DeviceBuffer buffer)
    {
        Span<float> values = buffer.Span<float>(0, (int)(buffer.ByteLength / sizeof(float)));
        for (int index = 0; index < values.Length; index++)
            values[index] = (index % 101 / 101f) - 0.5f;
    }
}
