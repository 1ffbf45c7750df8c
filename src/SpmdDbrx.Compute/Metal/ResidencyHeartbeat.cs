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
    private long lastWork;
    private volatile bool beating;

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
        Volatile.Write(ref lastWork, time.GetTimestamp());
        if (beating)
            return;
        beating = true;
        timer.Change(Period, Period);
    }

    public void Dispose() => timer.Dispose();

    private void Beat()
    {
        if (time.GetElapsedTime(Volatile.Read(ref lastWork)) <= IdleLimit)
        {
            sets.Request();
            return;
        }
        beating = false;
        timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
