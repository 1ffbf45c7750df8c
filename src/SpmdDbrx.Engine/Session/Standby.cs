using System.Runtime.ExceptionServices;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Session;

/// <summary>Sums a rank's expert weights on its device, so that a driver which unwires idle memory has wired them before the first token and
/// keeps them while nobody asks ([P1] §4.1).</summary>
/// <param name="device">Holds the weights.</param>
/// <param name="weights">Its buffers; none = the driver needs no help.</param>
public sealed class Standby(IDevice device, IReadOnlyList<DeviceBuffer> weights)
{
    private long rounds;

    /// <summary>How long weights may lie idle: prestacked ones stay wired for 512 ms ([P1] Figure 4).</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How long a user may stay away before the device is left in peace, as with residency sets.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(180);

    /// <summary>How often all weights have been summed.</summary>
    public long Rounds => Interlocked.Read(ref rounds);

    /// <summary>Sums all weights once.</summary>
    public void Run()
    {
        if (weights.Count == 0)
            return;
        foreach (DeviceBuffer buffer in weights)
            device.Touch(buffer);
        Interlocked.Increment(ref rounds);
    }

    /// <summary>Waits for something, and sums all weights whenever they have been idle for a period, within the limit.</summary>
    /// <param name="wait">Waits; must not use the device.</param>
    /// <returns>What it waited for.</returns>
    public T While<T>(Func<T> wait)
    {
        if (weights.Count == 0)
            return wait();
        using ManualResetEventSlim ended = new();
        ExceptionDispatchInfo? failure = null;
        Thread keeper = new(() => failure = Keep(ended)) { Name = "standby", IsBackground = true };
        keeper.Start();
        T result;
        try
        {
            result = wait();
        }
        finally
        {
            ended.Set();
            keeper.Join();
        }
        failure?.Throw();
        return result;
    }

    private ExceptionDispatchInfo? Keep(ManualResetEventSlim ended)
    {
        try
        {
            for (TimeSpan idle = Period; idle <= Limit && !ended.Wait(Period); idle += Period)
                Run();
            return null;
        }
#pragma warning disable CA1031 // whatever the device throws is thrown where its work is waited for
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return ExceptionDispatchInfo.Capture(exception);
        }
    }
}
