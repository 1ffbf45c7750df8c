using System.Diagnostics;

namespace SpmdDbrx.Compute.Metal;

/// <summary>The MTLSharedEvent that tells when a command buffer has run. It is polled: blocking on it costs ten times the latency.</summary>
internal sealed class CompletionEvent(nint device, TimeSpan deadline) : IDisposable
{
    private const int PollsBetweenChecks = 64;
    private const ulong StatusError = 5;

    private readonly nint sharedEvent = Message.Object(device, Selectors.NewSharedEvent);
    private ulong last;

    /// <summary>Whether the deadline has passed and what was waited for may still run: memory that it uses must stay.</summary>
    public bool IsLate { get; private set; }

    /// <summary>Makes a command buffer signal when its work is done.</summary>
    public void SignalAtEndOf(nint commandBuffer) => Message.Void(commandBuffer, Selectors.EncodeSignalEvent, sharedEvent, ++last);

    /// <summary>Returns when the last signal has arrived, or the command buffer has failed.</summary>
    /// <param name="commandBuffer">The buffer that signals.</param>
    /// <param name="operation">Its last operation, for error messages.</param>
    /// <exception cref="MetalException">The deadline passed; after that, every further wait gives up at once.</exception>
    public void Wait(nint commandBuffer, string operation)
    {
        long start = Stopwatch.GetTimestamp();
        SpinWait spin = default;
        for (int polls = 1; Message.UInt64(sharedEvent, Selectors.SignaledValue) < last; polls++)
        {
            if (polls % PollsBetweenChecks == 0)
            {
                if (HasFailed(commandBuffer))
                    break;
                ThrowIfLate(operation, start);
            }
            spin.SpinOnce(sleep1Threshold: -1);
        }
        IsLate = false;
    }

    /// <summary>Throws what the GPU says about a command buffer that has ended.</summary>
    /// <exception cref="MetalException">It failed.</exception>
    public static void ThrowIfFailed(nint commandBuffer, string operation)
    {
        if (!HasFailed(commandBuffer))
            return;
        using AutoreleasePool pool = AutoreleasePool.Begin();
        nint error = Message.Object(commandBuffer, Selectors.Error);
        throw new MetalException($"metal: the GPU failed in or before '{operation}': {Message.Text(error, Selectors.LocalizedDescription)}");
    }

    public void Dispose() => Message.Void(sharedEvent, Selectors.Release);

    private void ThrowIfLate(string operation, long start)
    {
        IsLate |= Stopwatch.GetElapsedTime(start) > deadline;
        if (IsLate)
            throw new MetalException($"metal: the GPU did not finish '{operation}' within {deadline.TotalSeconds:0.###} s (--gpu-deadline); it may hang: restart the program, then the machine");
    }

    private static bool HasFailed(nint commandBuffer) => Message.UInt64(commandBuffer, Selectors.Status) == StatusError;
}
