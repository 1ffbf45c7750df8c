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
    /// <summary>Most items of a call.</summary>
    private const int MaxItems = (1 << ItemBits) - 1;

    private const int ItemBits = 20;
    private const uint CallMask = (1u << (64 - (2 * ItemBits))) - 1;

    private readonly ThreadTeam team;
    private readonly SharedWorkspace workspace;
    private readonly State* state;
    private readonly int threads;
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
        threads = team.Count * workspace.Devices;
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
    /// nobody waits: what they compute is wrong, and it is the caller who finds out why.</remarks>
    public void Run<TWork>(int items, ref TWork work) where TWork : unmanaged, IParallelWork
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(items, MaxItems);
        if (items == 0)
            return;
        call = (call + 1) & CallMask;
        if (!Enter(items))
            return;
        fixed (TWork* pointer = &work)
        {
            var claiming = new Claiming<TWork>(state, call, threads, pointer);
            team.Run(team.Count, ref claiming);
        }
        WaitForOthers(items);
    }

    /// <summary>Makes zeroed memory look as after a call of this number.</summary>
    internal static void Seed(nint memory, uint lastCall) => ((State*)memory)->Claims = Claims(lastCall, 0, 0);

    /// <summary>Opens the call, or finds it open; false where it has ended or is another one.</summary>
    private bool Enter(int items)
    {
        while (true)
        {
            ulong claims = Volatile.Read(ref state->Claims);
            uint ahead = (CallOf(claims) - call) & CallMask;
            if (ahead == 0 && ItemsOf(claims) == items)
                return true;
            if (ahead == 0)
                Volatile.Write(ref state->Disagreed, 1);
            if (ahead != CallMask)
                return false;
            if (Interlocked.CompareExchange(ref state->Claims, Claims(call, items, items), claims) != claims)
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
        while (Volatile.Read(ref *finished) < items + 1 && CallOf(Volatile.Read(ref state->Claims)) == call && Volatile.Read(ref state->Disagreed) == 0)
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Claims(uint call, int items, int left) => ((ulong)call << (2 * ItemBits)) | ((ulong)items << ItemBits) | (uint)left;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint CallOf(ulong claims) => (uint)(claims >> (2 * ItemBits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ItemsOf(ulong claims) => (int)(claims >> ItemBits) & MaxItems;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LeftOf(ulong claims) => (int)claims & MaxItems;

    /// <summary>What one thread does in a call: it claims runs of items until none is left, as in <see cref="ThreadTeam"/>.</summary>
    private readonly struct Claiming<TWork>(State* state, uint call, int threads, TWork* work) : IParallelWork
        where TWork : unmanaged, IParallelWork
    {
        public void Run(int item, int thread)
        {
            ulong claims = Volatile.Read(ref state->Claims);
            while (CallOf(claims) == call && LeftOf(claims) > 0)
            {
                int left = LeftOf(claims);
                int taken = Math.Max(1, left / (ThreadTeam.ClaimsPerShare * threads));
                ulong seen = Interlocked.CompareExchange(ref state->Claims, claims - (uint)taken, claims);
                if (seen != claims)
                {
                    claims = seen;
                    continue;
                }
                int first = ItemsOf(claims) - left;
                for (int claimed = first; claimed < first + taken; claimed++)
                    work->Run(claimed, thread);
                Interlocked.Add(ref *state->Finished(call), taken);
                claims = Volatile.Read(ref state->Claims);
            }
        }
    }

    /// <summary>Words that all devices write, each on cache lines of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = SharedWorkspace.StateBytes)]
    private struct State
    {
        private const int Counts = 4;
        private const int CountBytes = 128;

        /// <summary>Number of the call, its items, and how many of them are not yet claimed.</summary>
        [FieldOffset(128)]
        public ulong Claims;

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
