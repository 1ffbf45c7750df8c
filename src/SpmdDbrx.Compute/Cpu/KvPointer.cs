namespace SpmdDbrx.Compute.Cpu;

/// <summary>Keys and values of one layer as kernels see them, float32 [kvHeadCount, capacity, headDim] each.</summary>
internal readonly unsafe struct KvPointer(KvCache cache, int layer, int headDim)
{
    private readonly float* keys = (float*)cache.Keys(layer).Pointer;
    private readonly float* values = (float*)cache.Values(layer).Pointer;

    /// <summary>Positions that fit.</summary>
    public int Capacity { get; } = cache.Capacity;

    public float* Key(int kvHead, int position) => keys + ((((long)kvHead * Capacity) + position) * headDim);

    public float* Value(int kvHead, int position) => values + ((((long)kvHead * Capacity) + position) * headDim);
}
