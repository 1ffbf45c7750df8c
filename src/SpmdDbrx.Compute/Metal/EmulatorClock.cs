using System.Runtime.InteropServices;
using System.Text;

namespace SpmdDbrx.Compute.Metal;

/// <summary>The emulator's virtual clock and its other controls. A GPU has none of them.</summary>
/// <remarks>The clock moves when the emulated GPU works and when <see cref="Advance"/> is called; timers fire as it moves, so
/// idleness of minutes is a deterministic test of microseconds.</remarks>
internal sealed unsafe class EmulatorClock : TimeProvider
{
    private readonly delegate* unmanaged<long> now;
    private readonly delegate* unmanaged<long, void> advance;
    private readonly delegate* unmanaged<long> wirings;
    private readonly delegate* unmanaged<byte*, long, long> setOption;
    private readonly delegate* unmanaged<byte*, int> capture;
    private readonly delegate* unmanaged<long> liveObjects;
    private readonly delegate* unmanaged<byte, long> note;
    private readonly delegate* unmanaged<byte*, long, long> takeJournal;
    private readonly delegate* unmanaged<long> hostMemory;
    private readonly List<VirtualTimer> timers = [];

    private EmulatorClock(nint library)
    {
        now = (delegate* unmanaged<long>)NativeLibrary.GetExport(library, "fake_metal_clock_microseconds");
        advance = (delegate* unmanaged<long, void>)NativeLibrary.GetExport(library, "fake_metal_advance_microseconds");
        wirings = (delegate* unmanaged<long>)NativeLibrary.GetExport(library, "fake_metal_wirings");
        setOption = (delegate* unmanaged<byte*, long, long>)NativeLibrary.GetExport(library, "fake_metal_set");
        capture = (delegate* unmanaged<byte*, int>)NativeLibrary.GetExport(library, "fake_metal_capture");
        liveObjects = (delegate* unmanaged<long>)NativeLibrary.GetExport(library, "fake_metal_live_objects");
        note = (delegate* unmanaged<byte, long>)NativeLibrary.GetExport(library, "fake_metal_note");
        hostMemory = (delegate* unmanaged<long>)NativeLibrary.GetExport(library, "fake_metal_host_memory_bytes");
        takeJournal = (delegate* unmanaged<byte*, long, long>)NativeLibrary.GetExport(library, "fake_metal_take_journal");
    }

    /// <summary>How often the emulated driver has wired a buffer.</summary>
    public long Wirings => wirings();

    /// <summary>All memory of the emulated machine, bytes.</summary>
    public long HostMemoryBytes => hostMemory();

    /// <summary>Objective-C objects that exist.</summary>
    public long LiveObjects => liveObjects();

    public override long TimestampFrequency => 1_000_000;

    /// <summary>The emulator's controls, or null when Metal is real.</summary>
    public static EmulatorClock? TryOpen() =>
        NativeLibrary.TryGetExport(ObjectiveC.MetalLibrary, "fake_metal_clock_microseconds", out _) ? new EmulatorClock(ObjectiveC.MetalLibrary) : null;

    public override long GetTimestamp() => now();

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddMicroseconds(now());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        VirtualTimer timer = new(this, callback, state);
        timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass: every timer fires at its time.</summary>
    public void Advance(TimeSpan duration)
    {
        long end = now() + (long)duration.TotalMicroseconds;
        while (NextTimer() is { } next && next.DueMicroseconds <= end)
        {
            advance(Math.Max(0, next.DueMicroseconds - now()));
            next.Fire();
        }
        advance(Math.Max(0, end - now()));
    }

    /// <summary>Fires timers that became due while the GPU worked.</summary>
    public void FireDueTimers() => Advance(TimeSpan.Zero);

    /// <summary>Sets a control of the fake device (native/fakemetal/control.cpp) and returns its former value.</summary>
    /// <exception cref="ArgumentException">There is no such control.</exception>
    public long Set(string option, long value)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(option + '\0'))
        {
            long former = setOption(name, value);
            return former != long.MinValue ? former : throw new ArgumentException($"the emulator has no option '{option}'", nameof(option));
        }
    }

    /// <summary>Records every dispatch into a file; null ends the recording.</summary>
    public void Capture(string? path)
    {
        fixed (byte* name = path is null ? null : Encoding.UTF8.GetBytes(path + '\0'))
        {
            if (capture(name) != 0)
                throw new IOException($"{path}: cannot be written");
        }
    }

    /// <summary>Adds a letter to the journal of what the host does, kept while the option "journal" is 1: d = a dispatch was
    /// encoded, c = a command buffer was committed, and what is noted here.</summary>
    public void Note(char letter) => note((byte)letter);

    /// <summary>The journal so far; it starts anew.</summary>
    public string TakeJournal()
    {
        byte[] text = new byte[note(0)];
        fixed (byte* start = text)
            return Encoding.ASCII.GetString(text, 0, (int)takeJournal(start, text.Length));
    }

    private VirtualTimer? NextTimer()
    {
        VirtualTimer? next = null;
        foreach (VirtualTimer timer in timers)
            next = next is null || timer.DueMicroseconds < next.DueMicroseconds ? timer : next;
        return next;
    }

    private sealed class VirtualTimer(EmulatorClock clock, TimerCallback callback, object? state) : ITimer
    {
        private long periodMicroseconds;

        public long DueMicroseconds { get; private set; } = long.MaxValue;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            DueMicroseconds = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : clock.GetTimestamp() + (long)dueTime.TotalMicroseconds;
            periodMicroseconds = (long)period.TotalMicroseconds;
            return true;
        }

        public void Fire()
        {
            // What was missed while the GPU worked is not made up for.
            DueMicroseconds = Math.Max(DueMicroseconds, clock.GetTimestamp()) + periodMicroseconds;
            callback(state);
        }

        public void Dispose() => clock.timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
