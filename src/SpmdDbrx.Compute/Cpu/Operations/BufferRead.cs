using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Reads every byte of a part of a buffer once; an item is a run of bytes.</summary>
internal unsafe struct BufferRead<TVector>(byte* first, long byteLength, int* bits) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    private const long ItemBytes = 4 << 20;

    /// <summary>The union of the bits of all words, which keeps the reads from being optimised away.</summary>
    public static float Run(ThreadTeam team, byte* first, long byteLength)
    {
        int bits = 0;
        int items = checked((int)((byteLength + ItemBytes - 1) / ItemBytes));
        var work = new BufferRead<TVector>(first, byteLength, &bits);
        team.Run(items, ref work);
        return (uint)bits;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        byte* start = first + (item * ItemBytes);
        long count = Math.Min(ItemBytes, byteLength - (item * ItemBytes));
        long runLength = count / 4 / sizeof(TVector) * sizeof(TVector);
        // Bits are joined, not added: as numbers they may be subnormal, which is slow to add, or none at all, which hides the others.
        TVector bits0 = TVector.Zero, bits1 = TVector.Zero, bits2 = TVector.Zero, bits3 = TVector.Zero;
        for (long offset = 0; offset < runLength; offset += sizeof(TVector))
        {
            byte* source = start + offset;
            bits0 |= TVector.Load((float*)source);
            bits1 |= TVector.Load((float*)(source + runLength));
            bits2 |= TVector.Load((float*)(source + (2 * runLength)));
            bits3 |= TVector.Load((float*)(source + (3 * runLength)));
        }
        int* lanes = stackalloc int[TVector.Count];
        (bits0 | bits1 | bits2 | bits3).Store((float*)lanes);
        int joined = 0;
        for (int lane = 0; lane < TVector.Count; lane++)
            joined |= lanes[lane];
        for (long offset = 4 * runLength; offset < count; offset++)
            joined |= start[offset];
        Interlocked.Or(ref *bits, joined);
    }
}
