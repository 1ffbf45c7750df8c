using SpmdDbrx.Engine.Generation;

namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>What a test measured. Bytes and operations are those of the whole job: what the ranks replicate counts once a rank.</summary>
/// <param name="Test">The test.</param>
/// <param name="Samples">Every repetition on rank 0, warm-up excluded.</param>
/// <param name="BytesPerToken">Weights and KV cache read for a token, all ranks.</param>
/// <param name="FlopPerToken">Floating-point operations for a token, all ranks.</param>
/// <param name="Machine">Bandwidth and peak of all ranks together, the mean of a probe just before and one just after.</param>
public sealed record BenchmarkResult(
    BenchmarkTest Test, IReadOnlyList<PhaseStatistics> Samples, double BytesPerToken, double FlopPerToken, MachineRates Machine)
{
    /// <summary>Mean over the repetitions, tokens a second.</summary>
    public double TokensPerSecond => Samples.Average(Rate);

    /// <summary>Standard deviation over the repetitions, tokens a second.</summary>
    public double Deviation
    {
        get
        {
            double mean = TokensPerSecond;
            return Samples.Count < 2 ? 0 : Math.Sqrt(Samples.Sum(sample => Math.Pow(Rate(sample) - mean, 2)) / (Samples.Count - 1));
        }
    }

    /// <summary>Median of the repetitions, tokens a second.</summary>
    public double Median
    {
        get
        {
            double[] rates = [.. Samples.Select(Rate).Order()];
            return (rates[(rates.Length - 1) / 2] + rates[rates.Length / 2]) / 2;
        }
    }

    /// <summary>Bytes read a second, all ranks, at the median.</summary>
    public double BytesPerSecond => BytesPerToken * Median;

    /// <summary>Operations a second, all ranks, at the median.</summary>
    public double FlopPerSecond => FlopPerToken * Median;

    private static double Rate(PhaseStatistics sample) => sample.Tokens / sample.Seconds;
}
