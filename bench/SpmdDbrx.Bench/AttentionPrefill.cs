using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>Causal attention of the first 512 tokens: bound by arithmetic. Only visible keys count as work.</summary>
public class AttentionPrefill : KernelBenchmark
{
    private const int Tokens = 512;

    private KvCache cache = null!;
    private Activations qkv, output;

    [Benchmark]
    public void Attend() => Device.Attend(qkv, Shape.Attention, cache, 0, 0, output);

    protected override void Prepare()
    {
        cache = Own(new KvCache(Device, 1, Shape.Attention, Tokens));
        qkv = Activations(Tokens, Shape.Attention.QkvDim);
        output = Activations(Tokens, Shape.Attention.QueryDim);
        using var rotary = new RotaryTable(Device, Shape.Attention.HeadDim, 500_000, Tokens);
        Device.RotateAndStore(qkv, Shape.Attention, rotary, cache, 0, 0);
    }

    protected override double Ceiling() => Probe.Float32FlopPerSecond();

    protected override double WorkOfCall() => 4.0 * Shape.Attention.QueryDim * Tokens * (Tokens + 1) / 2;
}
