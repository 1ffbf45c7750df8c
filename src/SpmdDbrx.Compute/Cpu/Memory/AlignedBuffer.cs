using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Zeroed native memory on a cache-line boundary.</summary>
internal sealed unsafe class AlignedBuffer : DeviceBuffer
{
    private const int Alignment = 64;

    private bool disposed;

    /// <exception cref="InsufficientMemoryException">The system refuses the memory.</exception>
    public AlignedBuffer(long byteLength) : base(Reserve(byteLength), byteLength)
    {
    }

    public override void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        NativeMemory.AlignedFree(Pointer);
    }

    private static byte* Reserve(long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        // A whole number of cache lines, so that a register read at the end of a row stays inside.
        nuint rounded = checked(((nuint)byteLength + Alignment) / Alignment * Alignment);
        try
        {
            byte* pointer = (byte*)NativeMemory.AlignedAlloc(rounded, Alignment);
            NativeMemory.Clear(pointer, rounded);
            return pointer;
        }
        catch (OutOfMemoryException)
        {
            throw new InsufficientMemoryException($"cpu: {byteLength:N0} bytes could not be allocated; use a shorter --context or more ranks");
        }
    }
}
