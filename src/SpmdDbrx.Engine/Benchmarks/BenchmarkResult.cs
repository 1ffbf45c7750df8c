using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Generation;

namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>What a test measured. Bytes and operations are those of the whole job: what the ranks replicate counts once a rank, the LM head once a host.</summary>
/// <param name="Test">The test.</param>
/// <param name="Samples">Every repetition on rank 0, warm-up excluded; at least one.</param>
/// <param name="BytesPerToken">Weights and KV cache read for a token, all ranks.</param>
/// <param name="FlopPerToken">Floating-point operations for a token, all ranks.</param>
/// <param name="BusiestExperts">Experts that the busiest rank runs in a layer, mean over layers; spare ones included.</param>
/// <param name="MeanExperts">Experts that a rank runs in a layer, mean over ranks and layers; spare ones included.</param>
/// <param name="Communication">What rank 0 communicated inside the layers of all repetitions; choosing the next token is not part of it.</param>
/// <param name="Probes">Bandwidth and peak of all ranks together before the first repetition and after each: one more than samples.</param>
public sealed record BenchmarkResult(
    BenchmarkTest Test, IReadOnlyList<PhaseStatistics> Samples, double BytesPerToken, double FlopPerToken, double BusiestExperts, double MeanExperts,
    LayerCommunication Communication, IReadOnlyList<MachineRates> Probes)
{
    /// <summary>Mean over the repetitions, tokens a second.</summary>
    public double TokensPerSecond => Rates.Average();

    /// <summary>Standard deviation over the repetitions, tokens a second.</summary>
    public double Deviation
    {
        get
        {
            double mean = TokensPerSecond;
            return Samples.Count < 2 ? 0 : Math.Sqrt(Rates.Sum(rate => Math.Pow(rate - mean, 2)) / (Samples.Count - 1));
        }
    }

    /// <summary>Median of the repetitions, tokens a second.</summary>
    public double MedianTokensPerSecond => Median.Of(Rates);

    /// <summary>Bytes read a second, all ranks, at the median.</summary>
    public double BytesPerSecond => BytesPerToken * MedianTokensPerSecond;

    /// <summary>Operations a second, all ranks, at the median.</summary>
    public double FlopPerSecond => FlopPerToken * MedianTokensPerSecond;

    /// <summary>Medians of the probes.</summary>
    public MachineRates Machine => new(
        Median.Of(Probes.Select(probe => probe.ReadBytesPerSecond)), Median.Of(Probes.Select(probe => probe.PeakFlopPerSecond)));

    /// <summary>Bandwidth reached, as a share of the bandwidth probed just before and just after each repetition; the median.</summary>
    public double ShareOfRead => MedianShare(BytesPerToken, probe => probe.ReadBytesPerSecond);

    /// <summary>Arithmetic reached, as a share of the peak probed just before and just after each repetition; the median.</summary>
    public double ShareOfPeak => MedianShare(FlopPerToken, probe => probe.PeakFlopPerSecond);

    /// <summary>Collective calls a layer, counted by the communicator.</summary>
    public double CommunicationsPerLayer => (double)Communication.Collectives / Samples.Sum(sample => sample.Layers);

    /// <summary>Bytes that rank 0 hands to collectives a layer, counted by the communicator; of a whole batch where a prompt is processed.</summary>
    public double PayloadBytesPerLayer => (double)Communication.PayloadBytes / Samples.Sum(sample => sample.Layers);

    /// <summary>What the machine could do during each repetition: means of the probes just before and just after.</summary>
    public IEnumerable<MachineRates> RatesBeside => Samples.Select((_, index) => MachineRates.Mean(Probes[index], Probes[index + 1]));

    /// <summary>Tokens a second of each repetition.</summary>
    public IEnumerable<double> Rates => Samples.Select(Rate);

    private double MedianShare(double workPerToken, Func<MachineRates, double> rate) =>
        Median.Of(Rates.Zip(RatesBeside, (reached, beside) => workPerToken * reached / rate(beside)));

    private static double Rate(PhaseStatistics sample) => sample.Tokens / sample.Seconds;
}
