using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Zeroed native memory on a cache-line boundary, from 2 MB on in whole huge pages where the system has them; pages are taken from the system when they are first touched.</summary>
internal sealed unsafe class AlignedBuffer : DeviceBuffer
{
    private const int LineBytes = 64;
    private const int HugePageBytes = 2 << 20;

    private void* allocation;

    /// <exception cref="InsufficientMemoryException">The system refuses the memory.</exception>
    public AlignedBuffer(long byteLength) : this(byteLength, Reserve(byteLength))
    {
    }

    private AlignedBuffer(long byteLength, nint allocation) : base(Align((byte*)allocation, byteLength), byteLength)
    {
        this.allocation = (void*)allocation;
        // Large blocks are packed panels, scratch and caches that kernels stride through: huge pages spare them page walks.
        if (byteLength >= HugePageBytes)
            MemoryAdvice.HugePages(Pointer, (long)WithWholePages(byteLength));
    }

    public override void Dispose()
    {
        NativeMemory.Free(allocation);
        allocation = null;
    }

    private static nint Reserve(long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        try
        {
            return (nint)NativeMemory.AllocZeroed(WithWholePages(byteLength) + (nuint)AlignmentOf(byteLength));
        }
        catch (OutOfMemoryException)
        {
            throw new InsufficientMemoryException($"cpu: {byteLength:N0} bytes could not be allocated; use a shorter --context or more ranks");
        }
    }

    private static byte* Align(byte* allocation, long byteLength) => (byte*)RoundUp((nuint)allocation, AlignmentOf(byteLength));

    /// <summary>Bytes to reserve and to advise: the system gives small pages for part of a huge one. Up to 2 MB more than asked for, not counted as the buffer's length.</summary>
    private static nuint WithWholePages(long byteLength) => RoundUp((nuint)byteLength, AlignmentOf(byteLength));

    private static nuint RoundUp(nuint value, int multiple) => (value + (nuint)multiple - 1) / (nuint)multiple * (nuint)multiple;

    private static int AlignmentOf(long byteLength) => byteLength >= HugePageBytes ? HugePageBytes : LineBytes;
}
