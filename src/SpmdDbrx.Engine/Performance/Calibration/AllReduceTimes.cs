using System.Diagnostics;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>All-reduces between the ranks of the job, measured.</summary>
/// <param name="RankCount">Ranks.</param>
/// <param name="SmallSeconds">Median for <see cref="SmallFloats"/> floats, on the slowest rank.</param>
/// <param name="LargeSeconds">Median for <see cref="LargeFloats"/> floats, on the slowest rank.</param>
public sealed record AllReduceTimes(int RankCount, double SmallSeconds, double LargeSeconds)
{
    /// <summary>One token of DBRX.</summary>
    public const int SmallFloats = 6_144;

    /// <summary>128 tokens of DBRX.</summary>
    public const int LargeFloats = 128 * SmallFloats;

    private const int SmallRepeats = 200;
    private const int LargeRepeats = 9;

    /// <summary>Measures; every rank gets the same result.</summary>
    public static AllReduceTimes Measure(Intracommunicator world)
    {
        float[] vector = new float[LargeFloats];
        double[] medians = [MedianSeconds(world, vector.AsSpan(0, SmallFloats), SmallRepeats), MedianSeconds(world, vector, LargeRepeats)];
        world.Allreduce(medians.AsSpan(), Operation<double>.Max);
        return new AllReduceTimes(world.Size, medians[0], medians[1]);
    }

    /// <summary>The latency and bandwidth with which the model gives both times.</summary>
    /// <remarks>Nested bisection: for each bandwidth the latency that explains the small vector; of these pairs the one that explains the large.</remarks>
    public (double LatencySeconds, double BytesPerSecond) Fit(AllReduceAlgorithm algorithm)
    {
        double bytesPerSecond = Bisect(1e3, 1e13, guess => Modelled(algorithm, LatencyFor(algorithm, guess), guess, LargeFloats) <= LargeSeconds);
        return (LatencyFor(algorithm, bytesPerSecond), bytesPerSecond);
    }

    private double LatencyFor(AllReduceAlgorithm algorithm, double bytesPerSecond) =>
        Bisect(1e-9, 10, guess => Modelled(algorithm, guess, bytesPerSecond, SmallFloats) >= SmallSeconds);

    /// <summary>The least value for which a condition holds that holds for all larger ones.</summary>
    private static double Bisect(double low, double high, Predicate<double> holds)
    {
        for (int step = 0; step < 60; step++)
        {
            double middle = Math.Sqrt(low * high);
            if (holds(middle))
                high = middle;
            else
                low = middle;
        }
        return high;
    }

    private double Modelled(AllReduceAlgorithm algorithm, double latencySeconds, double bytesPerSecond, int floats)
    {
        double bytes = (double)floats * sizeof(float);
        Network network = new()
        {
            Name = "fit",
            Title = "fit",
            LatencySeconds = new Figure(latencySeconds, "fit"),
            BytesPerSecond = new Figure(bytesPerSecond, "fit"),
        };
        return AllReduceCost.Of(algorithm, RankCount, bytes, bytes * (RankCount - 1), network, messageSeconds: 0).Seconds;
    }

    private static double MedianSeconds(Intracommunicator world, Span<float> vector, int repeats)
    {
        double[] seconds = new double[repeats];
        for (int warmUp = 0; warmUp < 5; warmUp++)
            world.Allreduce(vector, Operation<float>.Add);
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            world.Allreduce(vector, Operation<float>.Add);
            seconds[repeat] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return Median.Of(seconds);
    }
}
