using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>The LM head of 32,000 words for one token: bound by memory.</summary>
public class MatrixDecode : KernelBenchmark
{
    private const int Vocabulary = 32_000;

    private WeightMatrix matrix;
    private Activations input, output;

    [Benchmark]
    public void Multiply() => Device.Multiply(input, matrix, output);

    protected override void Prepare()
    {
        long rowBytes = Shape.HiddenDim * sizeof(ushort);
        matrix = Matrix(Weights(Vocabulary * rowBytes), 0, Vocabulary);
        input = Activations(1, Shape.HiddenDim);
        output = Activations(1, Vocabulary);
    }

    protected override double Ceiling() => Probe.ReadBytesPerSecond(matrix.Buffer);

    protected override double WorkOfCall() => matrix.Buffer.ByteLength;
}
