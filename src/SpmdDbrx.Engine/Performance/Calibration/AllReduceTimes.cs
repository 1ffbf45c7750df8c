using System.Diagnostics;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>All-reduces between the ranks of the job, measured.</summary>
/// <remarks>Of the sums that a model makes, since latency is not the same for all: over TCP 24 KB need more round trips than 8 KB.</remarks>
/// <param name="RankCount">Ranks.</param>
/// <param name="TokenFloats">Floats of one token's sum: d_model.</param>
/// <param name="TokenSeconds">Median for one token, on the slowest rank.</param>
/// <param name="BatchSeconds">Median for <see cref="BatchTokens"/> tokens, on the slowest rank.</param>
public sealed record AllReduceTimes(int RankCount, int TokenFloats, double TokenSeconds, double BatchSeconds)
{
    /// <summary>Tokens of the large sum.</summary>
    public const int BatchTokens = 128;

    private const int TokenRepeats = 200;
    private const int BatchRepeats = 9;

    private int BatchFloats => BatchTokens * TokenFloats;

    /// <summary>Measures; every rank gets the same result.</summary>
    /// <param name="world">All ranks.</param>
    /// <param name="tokenFloats">d_model.</param>
    public static AllReduceTimes Measure(Intracommunicator world, int tokenFloats)
    {
        float[] vector = new float[BatchTokens * tokenFloats];
        double[] medians = [MedianSeconds(world, vector.AsSpan(0, tokenFloats), TokenRepeats), MedianSeconds(world, vector, BatchRepeats)];
        world.Allreduce(medians.AsSpan(), Operation<double>.Max);
        return new AllReduceTimes(world.Size, tokenFloats, medians[0], medians[1]);
    }

    /// <summary>The latency and bandwidth with which the model gives both times.</summary>
    /// <remarks>Nested bisection: for each bandwidth the latency that explains the small vector; of these pairs the one that explains the large.</remarks>
    public (double LatencySeconds, double BytesPerSecond) Fit(AllReduceAlgorithm algorithm)
    {
        double bytesPerSecond = Bisect(1e3, 1e13, guess => Modelled(algorithm, LatencyFor(algorithm, guess), guess, BatchFloats) <= BatchSeconds);
        return (LatencyFor(algorithm, bytesPerSecond), bytesPerSecond);
    }

    private double LatencyFor(AllReduceAlgorithm algorithm, double bytesPerSecond) =>
        Bisect(1e-9, 10, guess => Modelled(algorithm, guess, bytesPerSecond, TokenFloats) >= TokenSeconds);

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
