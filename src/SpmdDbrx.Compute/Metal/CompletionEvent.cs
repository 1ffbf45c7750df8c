using System.Diagnostics;

namespace SpmdDbrx.Compute.Metal;

/// <summary>The MTLSharedEvent that tells when a command buffer has run. It is polled: blocking on it costs ten times the latency.</summary>
internal sealed class CompletionEvent(nint device, TimeSpan deadline) : IDisposable
{
    private const int PollsBetweenChecks = 64;
    private const ulong StatusError = 5;

    private readonly nint sharedEvent = Message.Object(device, Selectors.NewSharedEvent);
    private ulong last;

    /// <summary>Makes a command buffer signal when its work is done.</summary>
    public void SignalAtEndOf(nint commandBuffer) => Message.Void(commandBuffer, Selectors.EncodeSignalEvent, sharedEvent, ++last);

    /// <summary>Returns when the last signal has arrived.</summary>
    /// <param name="commandBuffer">The buffer that signals.</param>
    /// <param name="operation">Its last operation, for error messages.</param>
    /// <exception cref="MetalException">The command buffer failed, or the deadline passed.</exception>
    public void Wait(nint commandBuffer, string operation)
    {
        long start = Stopwatch.GetTimestamp();
        SpinWait spin = default;
        for (int polls = 1; Message.UInt64(sharedEvent, Selectors.SignaledValue) < last; polls++)
        {
            if (polls % PollsBetweenChecks == 0)
                ThrowIfFailedOrLate(commandBuffer, operation, start);
            spin.SpinOnce(sleep1Threshold: -1);
        }
        ThrowIfFailed(commandBuffer, operation);
    }

    public void Dispose() => Message.Void(sharedEvent, Selectors.Release);

    private void ThrowIfFailedOrLate(nint commandBuffer, string operation, long start)
    {
        ThrowIfFailed(commandBuffer, operation);
        if (Stopwatch.GetElapsedTime(start) > deadline)
            throw new MetalException($"metal: the GPU did not finish '{operation}' within {deadline.TotalSeconds:0.###} s; it may hang: restart the program, then the machine");
    }

    private static void ThrowIfFailed(nint commandBuffer, string operation)
    {
        if (Message.UInt64(commandBuffer, Selectors.Status) != StatusError)
            return;
        using AutoreleasePool pool = AutoreleasePool.Begin();
        nint error = Message.Object(commandBuffer, Selectors.Error);
        throw new MetalException($"metal: the GPU failed in or before '{operation}': {Message.Text(error, Selectors.LocalizedDescription)}");
    }
}
