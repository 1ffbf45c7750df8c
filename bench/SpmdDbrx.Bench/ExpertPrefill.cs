using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>One expert's share of 512 tokens, 128 of them: bound by arithmetic.</summary>
public class ExpertPrefill : KernelBenchmark
{
    private const int Tokens = 128;

    private ExpertWeights[] experts = null!;
    private ExpertAssignments assignments = null!;
    private Activations input, output;

    [Benchmark]
    public void RunExperts() => Device.RunExperts(experts, assignments, input, output);

    protected override void Prepare()
    {
        experts = Experts(Weights(Shape.ExpertBytes), 1);
        assignments = new ExpertAssignments(1, Tokens);
        assignments.Clear();
        assignments.BeginExpert(0);
        for (int token = 0; token < Tokens; token++)
            assignments.Add(token, token, 0.25f);
        input = Activations(Tokens, Shape.HiddenDim);
        output = Activations(Tokens, Shape.HiddenDim);
    }

    protected override double Ceiling() => Probe.PrefillFlopPerSecond();

    protected override double WorkOfCall() => 2.0 * 3 * Shape.HiddenDim * Shape.Neurons * Tokens;
}
