using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The heartbeat when work begins at the very moment it ends.</summary>
public sealed class ResidencyHeartbeatTests
{
    [Fact]
    public void Worked_WhileTheTimerIsBeingStopped_StartsItAgain()
    {
        ManualTime time = new();
        using ResidencyHeartbeat heartbeat = new(new ResidencySets(device: 0, queue: 0, workingSetBytes: 0), time);
        Thread? work = null;
        time.BeforeStop = () =>
        {
            work = new Thread(heartbeat.Worked);
            work.Start();
            // Without the lock it comes to its end here, and the stop that follows is the last word.
            work.Join(TimeSpan.FromMilliseconds(200));
        };

        time.Microseconds += (long)(ResidencyHeartbeat.IdleLimit + ResidencyHeartbeat.Period).TotalMicroseconds;
        time.Fire();
        Assert.NotNull(work);
        work.Join();

        Assert.Equal(ResidencyHeartbeat.Period, time.Due);
    }

    /// <summary>A clock and its one timer, moved by hand.</summary>
    private sealed class ManualTime : TimeProvider, ITimer
    {
        private TimerCallback callback = null!;

        public long Microseconds { get; set; }

        /// <summary>When the timer fires next, from its last change on.</summary>
        public TimeSpan Due { get; private set; }

        public Action BeforeStop { get; set; } = () => { };

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => Microseconds;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            this.callback = callback;
            Due = dueTime;
            return this;
        }

        public void Fire() => callback(null);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime == Timeout.InfiniteTimeSpan)
                BeforeStop();
            Due = dueTime;
            return true;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
