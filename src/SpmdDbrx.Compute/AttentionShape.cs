namespace SpmdDbrx.Compute;

/// <summary>Sizes of grouped-query attention. Query head h reads key/value head h / (HeadCount / KvHeadCount).</summary>
/// <param name="HeadCount">Query heads.</param>
/// <param name="KvHeadCount">Key/value heads; divides <paramref name="HeadCount"/>.</param>
/// <param name="HeadDim">Features of a head; even.</param>
/// <param name="Clip">q, k and v are clamped to ±Clip before RoPE; null = no clamp.</param>
public sealed record AttentionShape(int HeadCount, int KvHeadCount, int HeadDim, float? Clip)
{
    /// <summary>Features of all query heads.</summary>
    public int QueryDim => HeadCount * HeadDim;

    /// <summary>Features of all key (or value) heads.</summary>
    public int KvDim => KvHeadCount * HeadDim;

    /// <summary>Columns of the fused projection: all q, then all k, then all v.</summary>
    public int QkvDim => QueryDim + (2 * KvDim);
}
