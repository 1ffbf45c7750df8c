using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Persistent threads that share the items of one call; the caller is thread 0.</summary>
/// <remarks>Items are claimed by the call's number (<see cref="ItemSpans"/>), so a thread that wakes late claims nothing. A call ends when its items have run, not when every
/// thread has been seen. Idle threads spin for a while and then park. A call takes no lock unless a thread is parked, and allocates nothing.</remarks>
internal sealed unsafe class ThreadTeam : IDisposable
{
    private readonly object parkGate = new();
    private readonly Thread[] workers;
    private readonly AlignedBuffer spanWords;
    private readonly ItemSpans spans;
    private SharedState shared;
    private delegate*<void*, int, int, void> function;
    private void* context;
    private ExceptionDispatchInfo? failure;
    private volatile bool stopping;

    /// <param name="threads">Threads, the caller included.</param>
    /// <param name="spinMicroseconds">How long an idle thread spins before it parks; 0 where cores are oversubscribed.</param>
    /// <param name="sharesMemory">Whether others of the host read memory at the same time.</param>
    public ThreadTeam(int threads, int spinMicroseconds, bool sharesMemory = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(spinMicroseconds);
        Count = threads;
        SharesMemory = sharesMemory || threads > 1;
        SpinTicks = spinMicroseconds * Stopwatch.Frequency / 1_000_000;
        spanWords = new AlignedBuffer(threads * ItemSpans.WordBytes);
        spans = new ItemSpans(spanWords.Pointer, threads);
        workers = new Thread[threads - 1];
        for (int index = 0; index < workers.Length; index++)
        {
            int thread = index + 1;
            workers[index] = new Thread(() => Work(thread)) { IsBackground = true, Name = $"cpu {thread}" };
            workers[index].Start();
        }
    }

    /// <summary>Threads, the caller included.</summary>
    public int Count { get; }

    /// <summary>Whether several threads of the host read memory at the same time, these or others.</summary>
    public bool SharesMemory { get; }

    /// <summary>How long an idle thread spins, in ticks of <see cref="Stopwatch"/>.</summary>
    public long SpinTicks { get; }

    /// <summary>Runs all items and returns when they have finished.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More items than <see cref="ItemSpans.MaxItems"/> for several threads.</exception>
    /// <exception cref="Exception">What the first failing item threw.</exception>
    public void Run<TWork>(int items, ref TWork work) where TWork : unmanaged, IParallelWork
    {
        if (Count == 1 || items <= 1)
        {
            for (int item = 0; item < items; item++)
                work.Run(item, 0);
            return;
        }
        ArgumentOutOfRangeException.ThrowIfGreaterThan(items, ItemSpans.MaxItems);
        fixed (TWork* pointer = &work)
            Share(items, &Invoke<TWork>, pointer);
    }

    public void Dispose()
    {
        stopping = true;
        lock (parkGate)
            Monitor.PulseAll(parkGate);
        foreach (Thread worker in workers)
            worker.Join();
        spanWords.Dispose();
    }

    private static void Invoke<TWork>(void* work, int item, int thread) where TWork : unmanaged, IParallelWork =>
        ((TWork*)work)->Run(item, thread);

    private void Share(int items, delegate*<void*, int, int, void> run, void* work)
    {
        function = run;
        context = work;
        failure = null;
        Volatile.Write(ref shared.Unfinished, items);
        uint call = ItemSpans.Next(CallOf(shared.Opened));
        Interlocked.Exchange(ref shared.Opened, ((ulong)call << 32) | (uint)items);
        if (Volatile.Read(ref shared.Parked) > 0)
        {
            lock (parkGate)
                Monitor.PulseAll(parkGate);
        }
        RunItems(0);
        long start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref shared.Unfinished) > 0)
        {
            if (Stopwatch.GetTimestamp() - start <= SpinTicks)
                Thread.SpinWait(1);
            else
                Thread.Yield();
        }
        failure?.Throw();
    }

    private void RunItems(int thread)
    {
        ulong opened = Volatile.Read(ref shared.Opened);
        int ran = 0;
        while (spans.Claim(CallOf(opened), (int)(uint)opened, thread, out int first, out int count))
        {
            try
            {
                for (int item = first; item < first + count; item++)
                    function(context, item, thread);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(exception), null);
            }
            ran += count;
        }
        if (ran > 0)
            Interlocked.Add(ref shared.Unfinished, -ran);
    }

    private void Work(int thread)
    {
        uint done = 0;
        while (!stopping)
        {
            done = WaitForCall(done);
            RunItems(thread);
        }
    }

    /// <summary>Returns the number of a call after <paramref name="done"/>, or anything when stopping.</summary>
    private uint WaitForCall(uint done)
    {
        long start = Stopwatch.GetTimestamp();
        for (int round = 1; ; round++)
        {
            uint call = CallOf(Volatile.Read(ref shared.Opened));
            if (call != done || stopping)
                return call;
            Thread.SpinWait(1);
            if (round % 16 == 0 && Stopwatch.GetTimestamp() - start > SpinTicks)
                Park(done);
        }
    }

    private void Park(uint done)
    {
        lock (parkGate)
        {
            Interlocked.Increment(ref shared.Parked);
            while (CallOf(Volatile.Read(ref shared.Opened)) == done && !stopping)
                Monitor.Wait(parkGate);
            Interlocked.Decrement(ref shared.Parked);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint CallOf(ulong opened) => (uint)(opened >> 32);

    /// <summary>Words that threads write, each on cache lines of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    private struct SharedState
    {
        /// <summary>Number of the call in the upper half, its items in the lower.</summary>
        [FieldOffset(128)]
        public ulong Opened;

        [FieldOffset(256)]
        public int Unfinished;

        [FieldOffset(384)]
        public int Parked;
    }
}
