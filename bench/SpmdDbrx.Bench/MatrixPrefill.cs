using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>The fused query, key and value projection of 512 tokens: bound by arithmetic.</summary>
public class MatrixPrefill : KernelBenchmark
{
    private const int Tokens = 512;

    private WeightMatrix matrix;
    private Activations input, output;

    [Benchmark]
    public void Multiply() => Device.Multiply(input, matrix, output);

    protected override void Prepare()
    {
        long rowBytes = Shape.HiddenDim * sizeof(ushort);
        int rows = Shape.Attention.QkvDim;
        matrix = Matrix(Weights(rows * rowBytes), 0, rows);
        input = Activations(Tokens, Shape.HiddenDim);
        output = Activations(Tokens, rows);
    }

    protected override double Ceiling() => Probe.PrefillFlopPerSecond();

    protected override double WorkOfCall() => 2.0 * Shape.HiddenDim * Shape.Attention.QkvDim * Tokens;
}
