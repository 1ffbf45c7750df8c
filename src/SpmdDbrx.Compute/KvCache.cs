namespace SpmdDbrx.Compute;

/// <summary>Keys and values of every layer, float32, allocated once.</summary>
/// <remarks>Only their device reads and writes them, in an order of its own: a GPU as [kvHeadCount, capacity, headDim], the CPU as
/// <see cref="Cpu.KvPanels{TVector}"/>. Their memory is rounded up in both directions, so that whole registers fit.</remarks>
public sealed class KvCache : IDisposable
{
    private const int WidestRegister = 16;

    private readonly DeviceBuffer[] keys;
    private readonly DeviceBuffer[] values;

    /// <param name="device">Where the cache lives.</param>
    /// <param name="layerCount">Layers.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="capacity">Positions (the context length).</param>
    public KvCache(IDevice device, int layerCount, AttentionShape shape, int capacity)
    {
        Capacity = capacity;
        long bytes = BytesOf(1, shape, capacity) / 2;
        keys = new DeviceBuffer[layerCount];
        values = new DeviceBuffer[layerCount];
        for (int layer = 0; layer < layerCount; layer++)
        {
            keys[layer] = device.Allocate(bytes);
            values[layer] = device.Allocate(bytes);
        }
    }

    /// <summary>Bytes that a cache of these sizes takes.</summary>
    public static long BytesOf(int layerCount, AttentionShape shape, int capacity) =>
        checked(2L * layerCount * shape.KvHeadCount * Padded(shape.HeadDim) * Padded(capacity) * sizeof(float));

    /// <summary>Positions, or elements of a head, rounded up to whole registers of any width.</summary>
    public static int Padded(int count) => checked((count + WidestRegister - 1) / WidestRegister * WidestRegister);

    /// <summary>Positions that fit.</summary>
    public int Capacity { get; }

    /// <summary>Bytes of all layers.</summary>
    public long Bytes => keys.Concat(values).Sum(buffer => buffer.ByteLength);

    /// <summary>Rotated keys of a layer.</summary>
    public DeviceBuffer Keys(int layer) => keys[layer];

    /// <summary>Values of a layer.</summary>
    public DeviceBuffer Values(int layer) => values[layer];

    public void Dispose()
    {
        foreach (DeviceBuffer buffer in keys.Concat(values))
            buffer?.Dispose();
    }
}
