using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>Four experts of one layer for one token: bound by memory.</summary>
public class ExpertDecode : KernelBenchmark
{
    private const int ExpertCount = 4;

    private DeviceBuffer weights = null!;
    private ExpertWeights[] experts = null!;
    private ExpertAssignments assignments = null!;
    private Activations input, output;

    [Benchmark]
    public void RunExperts() => Device.RunExperts(experts, assignments, input, output);

    protected override void Prepare()
    {
        weights = Weights(ExpertCount * Shape.ExpertBytes);
        experts = Experts(weights, ExpertCount);
        assignments = new ExpertAssignments(ExpertCount, ExpertCount);
        assignments.Clear();
        for (int expert = 0; expert < ExpertCount; expert++)
        {
            assignments.BeginExpert(expert);
            assignments.Add(0, 0, 0.25f);
        }
        input = Activations(1, Shape.HiddenDim);
        output = Activations(1, Shape.HiddenDim);
    }

    protected override double Ceiling() => Probe.ReadBytesPerSecond(weights);

    protected override double WorkOfCall() => ExpertCount * Shape.ExpertBytes;
}
