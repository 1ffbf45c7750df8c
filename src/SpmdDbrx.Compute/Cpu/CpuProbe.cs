using System.Diagnostics;

namespace SpmdDbrx.Compute;

/// <summary>Ceilings of this process on this machine, to stand beside every benchmark row; medians of several runs, with the device's threads.</summary>
/// <remarks>Medians, as the rows beside it are: the best of several short runs is a rate that nothing sustains on a shared host.</remarks>
/// <param name="device">Whose threads and instructions are measured.</param>
public sealed class CpuProbe(CpuDevice device)
{
    private const int Repeats = 15;

    /// <summary>Bytes a second at which all threads together read a buffer, each over several streams; meaningful where the buffer exceeds the caches.</summary>
    public double ReadBytesPerSecond(DeviceBuffer buffer) => buffer.ByteLength / MedianSeconds(() => device.Touch(buffer));

    /// <summary>Float32 operations a second of all threads together, a multiply-add counted as two.</summary>
    public double Float32FlopPerSecond() => MedianRate(device.RunMultiplyAdds);

    /// <summary>Operations a second of bfloat16 dot products, counted alike; 0 without <see cref="CpuDevice.HasBFloat16DotProducts"/>.</summary>
    public double BFloat16FlopPerSecond() => CpuDevice.HasBFloat16DotProducts ? MedianRate(device.RunDotProducts) : 0;

    /// <summary>The one of the two that this device's prefill runs on.</summary>
    public double PrefillFlopPerSecond() => device.PrefillsInBFloat16 ? BFloat16FlopPerSecond() : Float32FlopPerSecond();

    private static double MedianRate(Func<double> run)
    {
        double flop = 0;
        double seconds = MedianSeconds(() => flop = run());
        return flop / seconds;
    }

    private static double MedianSeconds(Action action)
    {
        action();
        double[] seconds = new double[Repeats];
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            seconds[repeat] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return Median.Of(seconds);
    }
}
