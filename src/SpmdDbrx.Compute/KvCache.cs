namespace SpmdDbrx.Compute;

/// <summary>Keys and values of every layer, float32 [kvHeadCount, capacity, headDim] a layer, allocated once.</summary>
public sealed class KvCache : IDisposable
{
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
    public static long BytesOf(int layerCount, AttentionShape shape, int capacity) => checked(2L * layerCount * shape.KvDim * capacity * sizeof(float));

    /// <summary>Positions that fit.</summary>
    public int Capacity { get; }

    /// <summary>Bytes of all layers.</summary>
    public long Bytes => keys.Concat(values).Sum(buffer => buffer.ByteLength);

    /// <summary>Keys of a layer, [kvHeadCount, capacity, headDim], rotated.</summary>
    public DeviceBuffer Keys(int layer) => keys[layer];

    /// <summary>Values of a layer, [kvHeadCount, capacity, headDim].</summary>
    public DeviceBuffer Values(int layer) => values[layer];

    public void Dispose()
    {
        foreach (DeviceBuffer buffer in keys.Concat(values))
            buffer?.Dispose();
    }
}
