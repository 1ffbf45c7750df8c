namespace SpmdDbrx.Compute.Metal;

/// <summary>Shared memory as one or more MTLBuffers.</summary>
/// <remarks>Memory longer than <c>maxBufferLength</c> is covered by several buffers of that length, each starting half a
/// length after the one before: whatever is at most half a length long lies within one of them (cf. llama.cpp,
/// ggml_metal_buffer_map). A layer of an expert file is never cut.</remarks>
internal sealed unsafe class MetalBuffer : DeviceBuffer
{
    private readonly MetalDevice owner;
    private readonly nint[] windows;
    private readonly long windowStep;
    private readonly MappedFile? file;
    private bool released;

    /// <param name="owner">The device.</param>
    /// <param name="pointer">First byte.</param>
    /// <param name="byteLength">Bytes that may be used.</param>
    /// <param name="windows">MTLBuffers in ascending order of address.</param>
    /// <param name="windowStep">Bytes from the start of one to the start of the next.</param>
    /// <param name="file">The file whose pages these are; null = memory of the device's own.</param>
    public MetalBuffer(MetalDevice owner, byte* pointer, long byteLength, nint[] windows, long windowStep, MappedFile? file)
        : base(pointer, byteLength)
    {
        this.owner = owner;
        this.windows = windows;
        this.windowStep = windowStep;
        this.file = file;
    }

    /// <summary>Bytes from the start of one MTLBuffer to the start of the next; all of them when there is only one.</summary>
    public long WindowStep => windowStep;

    /// <summary>The MTLBuffer that holds a range, and where in it the range starts.</summary>
    /// <exception cref="MetalException">The range is longer than half of maxBufferLength and no window holds it.</exception>
    public (nint Buffer, long Offset) Locate(long byteOffset, long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset + byteLength, ByteLength);
        int window = (int)Math.Min(byteOffset / windowStep, windows.Length - 1);
        long offset = byteOffset - (window * windowStep);
        if (window < windows.Length - 1 && offset + byteLength > 2 * windowStep)
            throw new MetalException($"metal: one matrix takes {byteLength} bytes, this GPU's buffers {2 * windowStep}: a matrix must fit half a buffer");
        return (windows[window], offset);
    }

    /// <summary>A device's own view of a buffer it was given.</summary>
    /// <exception cref="ArgumentException">Another device made it.</exception>
    public static MetalBuffer Of(DeviceBuffer buffer) => buffer as MetalBuffer
        ?? throw new ArgumentException($"metal: the buffer was made by another device ({buffer.GetType().Name})", nameof(buffer));

    /// <summary>True the first time, when the caller must release the windows.</summary>
    public bool TakeOwnership() => !released && (released = true);

    /// <summary>Leaves the memory to a GPU that hangs and may still use it: neither released nor unmapped before the process ends.</summary>
    public void Abandon() => file?.KeepMapped();

    public override void Dispose() => owner.Release(this, windows);
}
