using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Persistent threads that share the items of one call; the caller is thread 0.</summary>
/// <remarks>Items are claimed from a word that also holds the number of the call, so a thread that wakes late claims nothing: runs of items that
/// get shorter as fewer are left (guided self-scheduling: Polychronopoulos and Kuck, IEEE Transactions on Computers C-36, 1987), for neighbours
/// often are one stream of memory. A call ends when its items have run, not when every thread has been seen. Idle threads spin for a while and then park.
/// A call takes no lock unless a thread is parked, and allocates nothing.</remarks>
internal sealed unsafe class ThreadTeam : IDisposable
{
    /// <summary>Claims that a thread's even share of the remaining items is divided into.</summary>
    public const int ClaimsPerShare = 4;

    private readonly object parkGate = new();
    private readonly Thread[] workers;
    private SharedState shared;
    private delegate*<void*, int, int, void> function;
    private void* context;
    private int itemCount;
    private ExceptionDispatchInfo? failure;
    private volatile bool stopping;

    /// <param name="threads">Threads, the caller included.</param>
    /// <param name="spinMicroseconds">How long an idle thread spins before it parks; 0 where cores are oversubscribed.</param>
    public ThreadTeam(int threads, int spinMicroseconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(spinMicroseconds);
        Count = threads;
        SpinTicks = spinMicroseconds * Stopwatch.Frequency / 1_000_000;
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

    /// <summary>How long an idle thread spins, in ticks of <see cref="Stopwatch"/>.</summary>
    public long SpinTicks { get; }

    /// <summary>Runs all items and returns when they have finished. Each thread's are in ascending order.</summary>
    /// <exception cref="Exception">What the first failing item threw.</exception>
    public void Run<TWork>(int items, ref TWork work) where TWork : unmanaged, IParallelWork
    {
        if (Count == 1 || items <= 1)
        {
            for (int item = 0; item < items; item++)
                work.Run(item, 0);
            return;
        }
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
    }

    private static void Invoke<TWork>(void* work, int item, int thread) where TWork : unmanaged, IParallelWork =>
        ((TWork*)work)->Run(item, thread);

    private void Share(int items, delegate*<void*, int, int, void> run, void* work)
    {
        function = run;
        context = work;
        itemCount = items;
        failure = null;
        Volatile.Write(ref shared.Unfinished, items);
        uint call = CallOf(shared.Claims) + 1;
        Interlocked.Exchange(ref shared.Claims, ((ulong)call << 32) | (uint)items);
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
        ulong claims = Volatile.Read(ref shared.Claims);
        while ((uint)claims > 0)
        {
            uint left = (uint)claims;
            uint taken = Math.Max(1, left / (uint)(ClaimsPerShare * Count));
            ulong seen = Interlocked.CompareExchange(ref shared.Claims, claims - taken, claims);
            if (seen != claims)
            {
                claims = seen;
                continue;
            }
            int first = itemCount - (int)left;
            try
            {
                for (int item = first; item < first + (int)taken; item++)
                    function(context, item, thread);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(exception), null);
            }
            Interlocked.Add(ref shared.Unfinished, -(int)taken);
            claims = Volatile.Read(ref shared.Claims);
        }
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
            uint call = CallOf(Volatile.Read(ref shared.Claims));
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
            while (CallOf(Volatile.Read(ref shared.Claims)) == done && !stopping)
                Monitor.Wait(parkGate);
            Interlocked.Decrement(ref shared.Parked);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint CallOf(ulong claims) => (uint)(claims >> 32);

    /// <summary>Words that threads write, each on cache lines of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    private struct SharedState
    {
        /// <summary>Number of the call in the upper half, items not yet claimed in the lower.</summary>
        [FieldOffset(128)]
        public ulong Claims;

        [FieldOffset(256)]
        public int Unfinished;

        [FieldOffset(384)]
        public int Parked;
    }
}
