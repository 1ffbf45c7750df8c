using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>One token's attention over 8,000 positions: bound by memory.</summary>
public class AttentionDecode : KernelBenchmark
{
    private const int Position = 8_000;

    private KvCache cache = null!;
    private Activations qkv, output;

    [Benchmark]
    public void Attend() => Device.Attend(qkv, Shape.Attention, cache, 0, Position, output);

    protected override void Prepare()
    {
        cache = Own(new KvCache(Device, 1, Shape.Attention, Position + 1));
        foreach (DeviceBuffer buffer in new[] { cache.Keys(0), cache.Values(0) })
        {
            Span<float> values = buffer.Span<float>(0, (int)(buffer.ByteLength / sizeof(float)));
            for (int index = 0; index < values.Length; index++)
                values[index] = (index % 101 / 101f) - 0.5f;
        }
        qkv = Activations(1, Shape.Attention.QkvDim);
        output = Activations(1, Shape.Attention.QueryDim);
    }

    protected override double Ceiling() => Probe.ReadBytesPerSecond(cache.Keys(0));

    protected override double WorkOfCall() => 2.0 * Shape.Attention.KvDim * sizeof(float) * (Position + 1);
}
