using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Who runs which items of a call: each claimant begins with a span of neighbours, which often are one stream of memory, and takes them front to back, in runs that get
/// shorter; whoever has none left takes runs of another's from the back.</summary>
/// <remarks>Within a span this is guided self-scheduling (Polychronopoulos and Kuck, IEEE Transactions on Computers C-36, 1987).
/// A span is one word with the number of its call. A word of an older call stands for the whole span, so opening a call writes no word. A call ends when all its items
/// have run, and the next begins after it: every word of a span with items is then of that call or a newer one, and a claimant that comes late finds nothing left. Words are on
/// cache lines of their own: until spans run out, claimants do not meet.</remarks>
internal readonly unsafe struct ItemSpans
{
    /// <summary>Most items of a call.</summary>
    public const int MaxItems = (1 << ItemBits) - 1;

    /// <summary>Bits of a call's number, which then begins again at 0.</summary>
    public const int CallBits = 64 - (2 * ItemBits);

    /// <summary>Bytes of a span.</summary>
    public const int WordBytes = 128;

    private const int ItemBits = 18;
    private const uint CallMask = (1u << CallBits) - 1;

    /// <summary>Runs that the items left of a span are divided into: what has been claimed nobody else can take.</summary>
    private const int RunsPerSpan = 8;

    private readonly byte* words;

    /// <param name="words">Memory, zeroed before the first call, whose number is not 0; <see cref="WordBytes"/> for each span.</param>
    /// <param name="spans">Spans of a call.</param>
    public ItemSpans(void* words, int spans)
    {
        this.words = (byte*)words;
        Count = spans;
    }

    /// <summary>Spans.</summary>
    public int Count { get; }

    /// <summary>The number of the call after this one.</summary>
    public static uint Next(uint call) => (call + 1) & CallMask;

    /// <summary>How many calls <paramref name="call"/> is behind <paramref name="other"/>; negative if it is ahead.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Behind(uint call, uint other) => (int)((other - call) << (32 - CallBits)) >> (32 - CallBits);

    /// <summary>Makes the memory look as after a call of this number.</summary>
    public void Seed(uint lastCall)
    {
        for (int span = 0; span < Count; span++)
            Word(span) = Pack(lastCall, 0, 0);
    }

    /// <summary>Claims a run of items; false where none is left.</summary>
    /// <param name="call">The call's number.</param>
    /// <param name="items">Its items, the same for all claimants.</param>
    /// <param name="own">The claimant's span.</param>
    /// <param name="first">First item of the run.</param>
    /// <param name="count">Its items.</param>
    public bool Claim(uint call, int items, int own, out int first, out int count)
    {
        for (int step = 0; step < Count; step++)
        {
            int span = own + step < Count ? own + step : own + step - Count;
            if (TryClaim(call, items, span, fromFront: step == 0, out first, out count))
                return true;
        }
        (first, count) = (0, 0);
        return false;
    }

    private bool TryClaim(uint call, int items, int span, bool fromFront, out int first, out int count)
    {
        ref ulong word = ref Word(span);
        ulong seen = Volatile.Read(ref word);
        while (true)
        {
            int behind = Behind(CallOf(seen), call);
            int low = behind == 0 ? LowOf(seen) : Start(items, span);
            int high = behind == 0 ? HighOf(seen) : Start(items, span + 1);
            int left = behind < 0 ? 0 : high - low;
            count = (left + RunsPerSpan - 1) / RunsPerSpan;
            first = fromFront ? low : high - count;
            // Its own claimant keeps an empty span's word up to date too: 2^27 calls later it would look newer.
            if (left == 0 && (behind <= 0 || !fromFront))
                return false;
            ulong claimed = fromFront ? Pack(call, low + count, high) : Pack(call, low, first);
            ulong found = Interlocked.CompareExchange(ref word, claimed, seen);
            if (found == seen)
                return count > 0;
            seen = found;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref ulong Word(int span) => ref *(ulong*)(words + (span * WordBytes));

    private int Start(int items, int span) => (int)((long)items * span / Count);

    private static ulong Pack(uint call, int low, int high) => ((ulong)call << (2 * ItemBits)) | ((ulong)low << ItemBits) | (uint)high;

    private static uint CallOf(ulong word) => (uint)(word >> (2 * ItemBits));

    private static int LowOf(ulong word) => (int)(word >> ItemBits) & MaxItems;

    private static int HighOf(ulong word) => (int)word & MaxItems;
}
