using System.Runtime.InteropServices;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>Devices that share the items of a call; each stands for one of a process of its own.</summary>
public unsafe class SharedTeamTests
{
    private const int MaxItems = 1000;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(2, 1, 100)]
    [InlineData(3, 1, 0)]
    [InlineData(2, 2, 100)]
    [InlineData(5, 3, 0)]
    [InlineData(13, 5, 0)]
    public void Run_ManyCalls_RunsEveryItemOnceAndReturnsAfterAll(int devices, int threads, int spinMicroseconds)
    {
        using Shared shared = new(devices, threads, spinMicroseconds);
        using Counts counts = new();
        shared.OnEvery((_, team) =>
        {
            for (int call = 0; call < 2000; call++)
            {
                int items = call % 37 == 0 ? call % MaxItems : call % 7;
                CountingWork work = new(counts.First);
                team.Run(items, ref work);
                for (int item = 0; item < items; item++)
                    Assert.True(counts.First[item] > call, $"item {item} of call {call} has not run");
                // The next call of one device may begin before the last of another has returned, as in the engine: counts grow, and nobody sets them back.
                CatchUp catchUp = new(counts.First, items, call);
                team.Run(MaxItems, ref catchUp);
            }
        });
        Assert.All(Enumerable.Range(0, MaxItems), item => Assert.Equal(2000, counts.First[item]));
    }

    [Fact]
    public void Run_LongItems_AreSharedOut()
    {
        using Shared shared = new(devices: 2, threads: 1, spinMicroseconds: 100);
        int[] ran = new int[2];
        using Barrier start = new(2);
        shared.OnEvery((device, team) =>
        {
            start.SignalAndWait();
            fixed (int* mine = &ran[device])
            {
                SleepingWork work = new(mine);
                team.Run(40, ref work);
            }
        });
        Assert.Equal(40, ran.Sum());
        Assert.All(ran, count => Assert.InRange(count, 1, 39));
    }

    [Fact]
    public void Run_DeviceThatComesLate_FindsTheWorkDone()
    {
        using Shared shared = new(devices: 2, threads: 1, spinMicroseconds: 100);
        int[] ran = new int[2];
        using ManualResetEventSlim first = new();
        shared.OnEvery((device, team) =>
        {
            if (device == 1)
                Assert.True(first.Wait(Deadline));
            fixed (int* mine = &ran[device])
            {
                SleepingWork work = new(mine);
                for (int call = 0; call < 10; call++)
                    team.Run(2, ref work);
            }
            first.Set();
        });
        Assert.Equal([20, 0], ran);
    }

    /// <summary>Numbers of calls have 28 bits: a session of some 1,300,000 tokens of DBRX runs out of them.</summary>
    [Fact]
    public void Run_NumbersOfCallsBeginAgain_RunsEveryItemOnce()
    {
        using Shared shared = new(devices: 3, threads: 1, spinMicroseconds: 10, lastCall: (1 << ItemSpans.CallBits) - 50);
        using Counts counts = new();
        shared.OnEvery((_, team) =>
        {
            for (int call = 0; call < 100; call++)
            {
                CountingWork work = new(counts.First);
                team.Run(20, ref work);
            }
        });
        Assert.All(Enumerable.Range(0, 20), item => Assert.Equal(100, counts.First[item]));
    }

    /// <summary>Replicas that disagree must reach the all-reduce whose check names them.</summary>
    [Fact]
    public void Run_DevicesWithOtherNumbersOfItems_NobodyHangsOrRunsWhatItDoesNotHave()
    {
        using Shared shared = new(devices: 3, threads: 2, spinMicroseconds: 10);
        using Counts counts = new();
        shared.OnEvery((device, team) =>
        {
            for (int call = 0; call < 500; call++)
            {
                int items = 10 + (device * (call % 3));
                BoundedWork work = new(counts.First, items);
                team.Run(items, ref work);
            }
        });
    }

    [Fact]
    public void Run_DeviceThatNeverComesBack_WhileWaitingEndsIt()
    {
        using Shared shared = new(devices: 2, threads: 1, spinMicroseconds: 10, whileWaiting: () => throw new InvalidOperationException("lost"));
        using ManualResetEventSlim claimed = new(), over = new();
        GCHandle gates = GCHandle.Alloc((claimed, over));
        shared.OnEvery((device, team) =>
        {
            if (device == 1)
                Assert.True(claimed.Wait(Deadline));
            StuckWork work = new(GCHandle.ToIntPtr(gates));
            if (device == 0)
            {
                team.Run(2, ref work);
                return;
            }
            Assert.Equal("lost", Assert.Throws<InvalidOperationException>(() => team.Run(2, ref work)).Message);
            over.Set();
        });
        gates.Free();
    }

    [Fact]
    public void Run_MoreItemsThanWordsHold_Throws()
    {
        using Shared shared = new(devices: 1, threads: 1, spinMicroseconds: 0);
        shared.OnEvery((_, team) =>
        {
            SleepingWork work = new(null);
            Assert.Throws<ArgumentOutOfRangeException>(() => team.Run(ItemSpans.MaxItems + 1, ref work));
        });
    }

    /// <summary>Memory, and devices that share it.</summary>
    private sealed class Shared : IDisposable
    {
        private readonly nint memory;
        private readonly ThreadTeam[] teams;
        private readonly SharedTeam[] shared;

        public Shared(int devices, int threads, int spinMicroseconds, Action? whileWaiting = null, uint lastCall = 0)
        {
            nuint bytes = (nuint)SharedWorkspace.BytesFor(64, 64);
            memory = (nint)NativeMemory.AlignedAlloc(bytes, 64);
            NativeMemory.Clear((void*)memory, bytes);
            SharedTeam.Seed(memory, lastCall);
            teams = [.. Enumerable.Range(0, devices).Select(_ => new ThreadTeam(threads, spinMicroseconds))];
            shared = [.. teams.Select((team, device) => new SharedTeam(
                team, new SharedWorkspace(memory, ProductBytes: 64, ExpertBytes: 64, device, devices, whileWaiting ?? (() => { })), lastCall))];
        }

        public void OnEvery(Action<int, SharedTeam> run)
        {
            Exception?[] failures = new Exception?[shared.Length];
            Thread[] devices = [.. Enumerable.Range(0, shared.Length).Select(device => new Thread(() => failures[device] = Record.Exception(() => run(device, shared[device]))))];
            foreach (Thread device in devices)
                device.Start();
            foreach (Thread device in devices)
                Assert.True(device.Join(Deadline), "a device hangs");
            Assert.All(failures, Assert.Null);
        }

        public void Dispose()
        {
            foreach (ThreadTeam team in teams)
                team.Dispose();
            NativeMemory.AlignedFree((void*)memory);
        }
    }

    private sealed class Counts : IDisposable
    {
        public int* First { get; } = (int*)NativeMemory.AllocZeroed(MaxItems, sizeof(int));

        public void Dispose() => NativeMemory.Free(First);
    }

    private readonly struct CountingWork(int* counts) : IParallelWork
    {
        public void Run(int item, int thread) => Interlocked.Increment(ref counts[item]);
    }

    private readonly struct BoundedWork(int* counts, int items) : IParallelWork
    {
        public void Run(int item, int thread)
        {
            Assert.InRange(item, 0, items - 1);
            Interlocked.Increment(ref counts[item]);
        }
    }

    /// <summary>Counts the items that the last call did not have.</summary>
    private readonly struct CatchUp(int* counts, int items, int call) : IParallelWork
    {
        public void Run(int item, int thread)
        {
            if (item >= items)
                Interlocked.Increment(ref counts[item]);
            Assert.True(counts[item] == call + 1, $"item {item} ran {counts[item]} times in {call + 1} calls");
        }
    }

    private readonly struct SleepingWork(int* ran) : IParallelWork
    {
        public void Run(int item, int thread)
        {
            Interlocked.Increment(ref *ran);
            Thread.Sleep(5);
        }
    }

    /// <summary>The first item is claimed and does not end before the test is over.</summary>
    private readonly struct StuckWork(nint gates) : IParallelWork
    {
        public void Run(int item, int thread)
        {
            (ManualResetEventSlim claimed, ManualResetEventSlim over) = ((ManualResetEventSlim, ManualResetEventSlim))GCHandle.FromIntPtr(gates).Target!;
            if (item > 0)
                return;
            claimed.Set();
            Assert.True(over.Wait(Deadline));
        }
    }
}
