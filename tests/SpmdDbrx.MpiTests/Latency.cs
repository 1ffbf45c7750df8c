using System.Diagnostics;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.MpiTests;

/// <summary>What an all-reduce of one token's hidden state costs here; information, not a check.</summary>
internal static class Latency
{
    private const int HiddenDim = 6144;
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(1);

    /// <summary>Prints the median and 90th percentile, as rank 0 saw them.</summary>
    public static void Print(Intracommunicator world)
    {
        List<double> microseconds = Measure(world);
        microseconds.Sort();
        string waiting = ((NativeIntracommunicator)world).YieldsWhileWaiting ? "yield" : "poll";
        if (world.Rank == 0)
            Console.WriteLine($"all-reduce of {HiddenDim} floats: median {microseconds[microseconds.Count / 2]:F1} us, 90 % below {microseconds[microseconds.Count * 9 / 10]:F1} us ({microseconds.Count} calls, {world.Size} ranks that {waiting} while they wait)");
    }

    // The number of calls has to be the same on every rank, so it follows from one measured call.
    private static List<double> Measure(Intracommunicator world)
    {
        float[] values = new float[HiddenDim];
        for (int i = 0; i < 20; i++)
            world.Allreduce(values.AsSpan(), Operation<float>.Add);
        double[] first = [Time(world, values)];
        world.Allreduce(first.AsSpan(), Operation<double>.Max);
        int calls = (int)Math.Clamp(Budget.TotalMicroseconds / first[0], 20, 5000);
        return [.. Enumerable.Range(0, calls).Select(_ => Time(world, values))];
    }

    private static double Time(Intracommunicator world, float[] values)
    {
        long start = Stopwatch.GetTimestamp();
        world.Allreduce(values.AsSpan(), Operation<float>.Add);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }
}
