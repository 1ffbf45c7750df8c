using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute;

/// <summary>Memory that a device computes on and that the host addresses directly (shared storage, no copies).</summary>
/// <remarks>What the device wrote may be read by the host only after <see cref="IDevice.Complete"/>.</remarks>
public abstract unsafe class DeviceBuffer : IDisposable
{
    protected DeviceBuffer(byte* pointer, long byteLength)
    {
        Pointer = pointer;
        ByteLength = byteLength;
    }

    /// <summary>First byte.</summary>
    public byte* Pointer { get; }

    /// <summary>Length in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>A view of <paramref name="count"/> elements from <paramref name="byteOffset"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the buffer.</exception>
    public Span<T> Span<T>(long byteOffset, int count) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset + ((long)count * Unsafe.SizeOf<T>()), ByteLength);
        return new Span<T>(Pointer + byteOffset, count);
    }

    public abstract void Dispose();
}
