namespace SpmdDbrx.Compute.Metal;

/// <summary>Intermediate results of one operation. Grows to the largest batch and stays.</summary>
internal sealed class ScratchBuffer(MetalDevice device) : IDisposable
{
    private readonly List<MetalBuffer> outgrown = [];
    private MetalBuffer? buffer;

    /// <summary>The first <paramref name="floats"/> floats, to be written.</summary>
    public Binding Write(long floats)
    {
        long bytes = floats * sizeof(float);
        if (buffer is null || buffer.ByteLength < bytes)
        {
            // Dispatches that are already encoded may use the old one.
            if (buffer is not null)
                outgrown.Add(buffer);
            buffer = (MetalBuffer)device.Allocate(bytes);
        }
        return new Binding(buffer, 0, bytes, Written: true);
    }

    /// <summary>Frees what was outgrown; call when nothing is encoded or running.</summary>
    public void Trim()
    {
        foreach (MetalBuffer old in outgrown)
            old.Dispose();
        outgrown.Clear();
    }

    public void Dispose()
    {
        Trim();
        buffer?.Dispose();
    }
}
