namespace SpmdDbrx.Compute.Cpu;

/// <summary>Working memory of one operation: grows to the largest request and stays, so that no call allocates after the first of its size.</summary>
internal sealed unsafe class ScratchBuffer : IDisposable
{
    private AlignedBuffer? buffer;

    /// <summary>At least <paramref name="count"/> floats on a cache line; earlier contents are lost when it grows.</summary>
    public float* Floats(long count)
    {
        long byteLength = checked(count * sizeof(float));
        if (buffer is null || buffer.ByteLength < byteLength)
        {
            buffer?.Dispose();
            buffer = new AlignedBuffer(byteLength);
        }
        return (float*)buffer.Pointer;
    }

    public void Dispose() => buffer?.Dispose();
}
