namespace SpmdDbrx.Compute.Metal;

/// <summary>Room for what the host tells the GPU with a dispatch (token ids, assignment lists), reused after every <see cref="IDevice.Complete"/>.</summary>
internal sealed class UploadArena(MetalDevice device, long chunkBytes) : IDisposable
{
    private const long Alignment = 16;

    private readonly List<MetalBuffer> chunks = [];
    private int current;
    private long used;

    /// <summary>Room for <paramref name="count"/> elements, and how a kernel reads them.</summary>
    public Span<T> Reserve<T>(int count, out Binding binding) where T : unmanaged
    {
        long bytes = Math.Max(1, (long)count) * System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        while (current < chunks.Count && used + bytes > chunks[current].ByteLength)
        {
            current++;
            used = 0;
        }
        if (current == chunks.Count)
            chunks.Add((MetalBuffer)device.Allocate(Math.Max(chunkBytes, bytes)));
        MetalBuffer chunk = chunks[current];
        binding = new Binding(chunk, used, bytes, Written: false);
        Span<T> room = chunk.Span<T>(used, count);
        used += (bytes + Alignment - 1) / Alignment * Alignment;
        return room;
    }

    /// <summary>Copies values in.</summary>
    public Binding Put<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        values.CopyTo(Reserve<T>(values.Length, out Binding binding));
        return binding;
    }

    /// <summary>Forgets what was put in; call when the GPU has read it.</summary>
    public void Clear()
    {
        current = 0;
        used = 0;
    }

    public void Dispose()
    {
        foreach (MetalBuffer chunk in chunks)
            chunk.Dispose();
    }
}
