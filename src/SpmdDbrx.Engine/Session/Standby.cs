using System.Runtime.ExceptionServices;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Weights;

namespace SpmdDbrx.Engine.Session;

/// <summary>Sums a rank's expert weights on its device, so that a driver which unwires idle memory has wired them before the first token and
/// keeps them while nobody asks ([P1] §4.1).</summary>
/// <param name="device">Holds the weights.</param>
/// <param name="weights">Where they lie; none = the driver needs no help.</param>
public sealed class Standby(IDevice device, IReadOnlyList<BufferRange> weights)
{
    private long rounds;
    private TimeSpan roundDuration;

    /// <summary>How long weights may lie idle: prestacked ones stay wired for 512 ms ([P1] Figure 4).</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How long a user may stay away before the device is left in peace, as with residency sets.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(180);

    /// <summary>Measures how long summing takes.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Bytes that are summed in a round: of slices only this rank's.</summary>
    public long RoundBytes => weights.Sum(range => range.Bytes);

    /// <summary>How often all weights have been summed.</summary>
    public long Rounds => Interlocked.Read(ref rounds);

    /// <summary>Sums all weights once.</summary>
    public void Run()
    {
        if (weights.Count == 0)
            return;
        long start = Time.GetTimestamp();
        foreach (BufferRange range in weights)
            device.Touch(range.Buffer, range.Start, range.Bytes);
        roundDuration = Time.GetElapsedTime(start);
        Interlocked.Increment(ref rounds);
    }

    /// <summary>Waits for something, and sums all weights whenever the first of them have been idle for a period, within the limit.</summary>
    /// <param name="wait">Waits; must not use the device.</param>
    /// <returns>What it waited for.</returns>
    public T While<T>(Func<T> wait)
    {
        if (weights.Count == 0)
            return wait();
        using ManualResetEventSlim ended = new();
        ExceptionDispatchInfo? failure = null;
        Thread keeper = new(() => failure = Guard(() => Keep(ended.Wait))) { Name = "standby", IsBackground = true };
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

    /// <summary>Sums all weights again and again until nobody has come within the limit. What is summed first lies idle for the rest of a round
    /// and for the pause behind it, so the two together are a period; rounds longer than that follow each other at once.</summary>
    /// <param name="hasEnded">Waits for so long; true as soon as the weights are needed.</param>
    internal void Keep(Func<TimeSpan, bool> hasEnded)
    {
        TimeSpan idle = Period;
        while (idle <= Limit && !hasEnded(roundDuration < Period ? Period - roundDuration : TimeSpan.Zero))
        {
            Run();
            idle += roundDuration < Period ? Period : roundDuration;
        }
    }

    private static ExceptionDispatchInfo? Guard(Action action)
    {
        try
        {
            action();
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
