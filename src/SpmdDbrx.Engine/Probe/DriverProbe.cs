using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Probe;

/// <summary>The driver-processing benchmark: does the system take weights away from an idle device, and what does that cost ([P1] Algorithms 1 and 2, Figure 4)?</summary>
public static class DriverProbe
{
    /// <summary>Measures one subject: first its load, then every wait from the shortest to the longest.</summary>
    /// <param name="subject">What is measured.</param>
    /// <param name="options">Sizes and waits.</param>
    /// <param name="cancellation">Ends the run between two layers.</param>
    /// <exception cref="InsufficientMemoryException">The weights do not fit the device.</exception>
    public static IReadOnlyList<ProbeSample> Run(ProbeSubject subject, ProbeOptions options, CancellationToken cancellation = default)
    {
        using IDevice device = subject.CreateDevice();
        TimeProvider time = subject.Time(device);
        long opened = time.GetTimestamp();
        // Residency sets wire the weights here, everything else with its first use: the load is both.
        using ProbeWeights weights = new(device, options, subject.Prestacked);
        double allocation = time.GetElapsedTime(opened).TotalMilliseconds;
        List<ProbeSample> samples = [new(subject.Name, 0, allocation + Sample(TimeSpan.Zero))];
        foreach (TimeSpan wait in options.Waits)
        {
            Sample(wait);
            double[] milliseconds = new double[options.Repeats];
            for (int repeat = 0; repeat < options.Repeats; repeat++)
                milliseconds[repeat] = Sample(wait);
            samples.Add(new ProbeSample(subject.Name, wait.TotalMilliseconds, milliseconds.Average()));
        }
        return samples;

        double Sample(TimeSpan wait)
        {
            double milliseconds = 0;
            for (int layer = 0; layer < options.LayerCount; layer++)
            {
                cancellation.ThrowIfCancellationRequested();
                long start = time.GetTimestamp();
                weights.Multiply(layer);
                milliseconds += time.GetElapsedTime(start).TotalMilliseconds;
                if (wait > TimeSpan.Zero)
                    subject.Sleep(device, wait);
            }
            return milliseconds;
        }
    }
}
