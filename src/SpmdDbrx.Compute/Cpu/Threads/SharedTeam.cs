using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>The threads of several devices of one host, which share the items of one call across processes: what <see cref="ThreadTeam"/> is within one.</summary>
/// <remarks>Every device makes the same calls in the same order. The first to come opens a call, all claim its items, and it ends when all items have run: a device
/// that comes late takes what is left, or finds the call ended and goes on, however many calls behind. So none waits for one that is slower, or has not come yet, but for the
/// last items. What a device reads after a call must not be written by a later one before it has: see <see cref="NextProduct"/>.</remarks>
internal sealed unsafe class SharedTeam
{
    private readonly ThreadTeam team;
    private readonly SharedWorkspace workspace;
    private readonly State* state;
    private readonly ItemSpans spans;
    private uint call;
    private int product;

    /// <param name="team">This device's threads.</param>
    /// <param name="workspace">What the devices share.</param>
    /// <param name="lastCall">The number of the last call in the memory; 0 where nobody has used it.</param>
    public SharedTeam(ThreadTeam team, SharedWorkspace workspace, uint lastCall = 0)
    {
        call = lastCall;
        this.team = team;
        this.workspace = workspace;
        state = (State*)workspace.Memory;
        spans = SpansOf(workspace.Memory, team.Count * workspace.Devices);
    }

    /// <summary>This device's number.</summary>
    public int Device => workspace.Device;

    /// <summary>Devices of the team.</summary>
    public int Devices => workspace.Devices;

    /// <summary>Memory for the numbers of the next product, which all devices see; those of the two products before are left as they are.</summary>
    /// <exception cref="ArgumentException">The workspace has less.</exception>
    public float* NextProduct(long count)
    {
        Require(count, workspace.ProductBytes, "products");
        product = (product + 1) % SharedWorkspace.Products;
        return (float*)workspace.Product(product);
    }

    /// <summary>Memory for the numbers of experts, which all devices see.</summary>
    /// <exception cref="ArgumentException">The workspace has less.</exception>
    public float* Experts(long count)
    {
        Require(count, workspace.ExpertBytes, "experts");
        return (float*)workspace.Experts;
    }

    /// <summary>Runs items on one device's threads, or together with other devices where there is such a team.</summary>
    public static void Run<TWork>(ThreadTeam team, SharedTeam? shared, int items, ref TWork work) where TWork : unmanaged, IParallelWork
    {
        if (shared is null)
            team.Run(items, ref work);
        else
            shared.Run(items, ref work);
    }

    /// <summary>Runs items together with the other devices and returns when all of them have run.</summary>
    /// <remarks>Devices that come with different numbers of items have been told to do different work. Whoever meets a number that is not its own says so to all, and from then on
    /// nobody waits: what they compute is wrong, though each runs items of its own number only, and it is the caller who finds out why.</remarks>
    public void Run<TWork>(int items, ref TWork work) where TWork : unmanaged, IParallelWork
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(items, ItemSpans.MaxItems);
        if (items == 0)
            return;
        call = ItemSpans.Next(call);
        if (!Enter(items))
            return;
        fixed (TWork* pointer = &work)
        {
            var claiming = new Claiming<TWork>(state, spans, call, items, Device * team.Count, Devices * team.Count, pointer);
            team.Run(team.Count, ref claiming);
        }
        WaitForOthers(items);
    }

    /// <summary>Makes zeroed memory look as after a call of this number, with any number of threads.</summary>
    internal static void Seed(nint memory, uint lastCall)
    {
        ((State*)memory)->Opened = Opened(lastCall, 0);
        SpansOf(memory, SharedWorkspace.MaxSpans).Seed(lastCall);
    }

    /// <summary>Spans of all threads; more threads than there can be spans share theirs with neighbours.</summary>
    private static ItemSpans SpansOf(nint memory, int threads) =>
        new((byte*)memory + SharedWorkspace.CallBytes, Math.Min(threads, SharedWorkspace.MaxSpans));

    /// <summary>Opens the call, or finds it open; false where it has ended or is another one.</summary>
    private bool Enter(int items)
    {
        while (true)
        {
            ulong opened = Volatile.Read(ref state->Opened);
            int behind = ItemSpans.Behind(CallOf(opened), call);
            if (behind == 0 && ItemsOf(opened) == items)
                return true;
            if (behind == 0)
                Volatile.Write(ref state->Disagreed, 1);
            if (behind != 1)
                return false;
            if (Interlocked.CompareExchange(ref state->Opened, Opened(call, items), opened) != opened)
                continue;
            // The next call's count last served the call three before this one, and all who added to it had done so before the one after that began.
            // Opening is one more item of this call, so that it cannot end, nor the next begin, before that count is clear.
            Volatile.Write(ref *state->Finished(call + 1), 0);
            Interlocked.Increment(ref *state->Finished(call));
            return true;
        }
    }

    private void WaitForOthers(int items)
    {
        int* finished = state->Finished(call);
        long start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref *finished) < items + 1 && CallOf(Volatile.Read(ref state->Opened)) == call && Volatile.Read(ref state->Disagreed) == 0)
        {
            if (Stopwatch.GetTimestamp() - start <= team.SpinTicks)
            {
                Thread.SpinWait(1);
                continue;
            }
            Thread.Yield();
            workspace.WhileWaiting();
        }
    }

    private static void Require(long floats, long bytes, string what)
    {
        if (floats * sizeof(float) > bytes)
            throw new ArgumentException($"{what}: expected a workspace with {floats * sizeof(float)} bytes for them, found {bytes}");
    }

    private static ulong Opened(uint call, int items) => ((ulong)call << 32) | (uint)items;

    private static uint CallOf(ulong opened) => (uint)(opened >> 32);

    private static int ItemsOf(ulong opened) => (int)(uint)opened;

    /// <summary>What one thread does in a call: it runs items until none is left. An item stands for one thread of this device, whoever runs it.</summary>
    /// <param name="state">Where to count items that have run.</param>
    /// <param name="spans">Where to claim them.</param>
    /// <param name="call">The call.</param>
    /// <param name="items">Its items.</param>
    /// <param name="firstThread">This device's first thread among all devices'.</param>
    /// <param name="threads">Threads of all devices.</param>
    /// <param name="work">The work.</param>
    private readonly struct Claiming<TWork>(State* state, ItemSpans spans, uint call, int items, int firstThread, int threads, TWork* work) : IParallelWork
        where TWork : unmanaged, IParallelWork
    {
        public void Run(int item, int thread)
        {
            int own = (int)((long)(firstThread + item) * spans.Count / threads);
            int ran = 0;
            while (spans.Claim(call, items, own, out int first, out int count))
            {
                for (int claimed = first; claimed < first + count; claimed++)
                    work->Run(claimed, thread);
                ran += count;
            }
            if (ran > 0)
                Interlocked.Add(ref *state->Finished(call), ran);
        }
    }

    /// <summary>Words that all devices write, each on cache lines of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = SharedWorkspace.CallBytes)]
    private struct State
    {
        private const int Counts = 4;
        private const int CountBytes = 128;

        /// <summary>Number of the call in the upper half, its items in the lower.</summary>
        [FieldOffset(128)]
        public ulong Opened;

        /// <summary>Items of the last calls that have run.</summary>
        [FieldOffset(256)]
        private int firstCount;

        /// <summary>Not 0 once devices came with different numbers of items.</summary>
        [FieldOffset(256 + (Counts * CountBytes))]
        public int Disagreed;

        /// <summary>Items of a call that have run, its opening included.</summary>
        public int* Finished(uint call) => (int*)((byte*)Unsafe.AsPointer(ref firstCount) + (call % Counts * CountBytes));
    }
}
