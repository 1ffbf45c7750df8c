using System.Diagnostics;

namespace SpmdDbrx.Compute;

/// <summary>Ceilings of this process on this machine, to stand beside every benchmark row; best of several runs, with the device's threads.</summary>
/// <param name="device">Whose threads and instructions are measured.</param>
public sealed class CpuProbe(CpuDevice device)
{
    private const int Repeats = 7;

    /// <summary>Bytes a second at which all threads together read a buffer, each over several streams; meaningful where the buffer exceeds the caches.</summary>
    public double ReadBytesPerSecond(DeviceBuffer buffer) => buffer.ByteLength / BestSeconds(() => device.Touch(buffer));

    /// <summary>Float32 operations a second of all threads together, a multiply-add counted as two.</summary>
    public double Float32FlopPerSecond()
    {
        double flop = 0;
        return 1 / BestSeconds(() => flop = device.RunMultiplyAdds()) * flop;
    }

    private static double BestSeconds(Action action)
    {
        double best = double.PositiveInfinity;
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
