namespace SpmdDbrx.Compute.Metal;

/// <summary>Repeats the residency request while the program works and for three minutes after its last work.</summary>
/// <remarks>Without it macOS unwires weights within seconds of idleness, and the next token pays for it (ggml-org/llama.cpp #10119, #17766).</remarks>
internal sealed class ResidencyHeartbeat : IDisposable
{
    /// <summary>Time between two requests.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    /// <summary>How long after the last work requests go on.</summary>
    public static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(180);

    private readonly ResidencySets sets;
    private readonly TimeProvider time;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private long lastWork;
    private bool beating;

    public ResidencyHeartbeat(ResidencySets sets, TimeProvider time)
    {
        this.sets = sets;
        this.time = time;
        lastWork = time.GetTimestamp();
        beating = true;
        timer = time.CreateTimer(_ => Beat(), null, Period, Period);
    }

    /// <summary>Work was done: idleness starts anew.</summary>
    public void Worked()
    {
        lock (gate)
        {
            lastWork = time.GetTimestamp();
            if (beating)
                return;
            beating = true;
            timer.Change(Period, Period);
        }
    }

    public void Dispose() => timer.Dispose();

    private void Beat()
    {
        // The request itself may take the driver long: work that begins does not wait for it.
        if (GoesOn())
            sets.Request();
    }

    private bool GoesOn()
    {
        // One step with the timer: else work that begins in between would start a timer that is stopped right after, for good.
        lock (gate)
        {
            beating = time.GetElapsedTime(lastWork) <= IdleLimit;
            if (!beating)
                timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return beating;
        }
    }
}
