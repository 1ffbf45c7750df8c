using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Reads every byte of a part of a buffer once; an item is a run of bytes.</summary>
internal unsafe struct BufferSum(byte* first, long byteLength, ulong* sums) : IParallelWork
{
    private const long ItemBytes = 4 << 20;

    /// <summary>A sum over all bytes, which only keeps the reads from being optimised away.</summary>
    public static float Run(ThreadTeam team, DeviceBuffer buffer, long byteOffset, long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset + byteLength, buffer.ByteLength);
        ulong* sums = stackalloc ulong[64];
        int items = checked((int)((byteLength + ItemBytes - 1) / ItemBytes));
        var work = new BufferSum(buffer.Pointer + byteOffset, byteLength, sums);
        team.Run(items, ref work);
        ulong sum = 0;
        for (int slot = 0; slot < 64; slot++)
            sum += sums[slot];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        byte* start = first + (item * ItemBytes);
        long count = Math.Min(ItemBytes, byteLength - (item * ItemBytes));
        long runLength = count / 4 / sizeof(Vector<ulong>) * sizeof(Vector<ulong>);
        Vector<ulong> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (long offset = 0; offset < runLength; offset += sizeof(Vector<ulong>))
        {
            byte* source = start + offset;
            sum0 += Vector.Load((ulong*)source);
            sum1 += Vector.Load((ulong*)(source + runLength));
            sum2 += Vector.Load((ulong*)(source + (2 * runLength)));
            sum3 += Vector.Load((ulong*)(source + (3 * runLength)));
        }
        ulong sum = Vector.Sum(sum0 + sum1 + sum2 + sum3);
        for (long offset = 4 * runLength; offset < count; offset++)
            sum += start[offset];
        Interlocked.Add(ref sums[item % 64], sum);
    }
}
