namespace SpmdDbrx.Compute.Cpu;

/// <summary>Keys and values of one layer as CPU kernels read and write them: panels of one register's width.</summary>
/// <remarks>Keys lie as [kvHead][panel of positions][headDim][lane], a position a lane; values as [kvHead][block of positions][panel of columns][position][lane],
/// a column a lane. So both meet a broadcast query or probability in whole registers, nothing is summed across lanes, and panels of keys, or of a block of values, follow each other in memory.</remarks>
/// <param name="cache">All layers.</param>
/// <param name="layer">The layer.</param>
/// <param name="headDim">Elements of a head.</param>
internal readonly unsafe struct KvPanels<TVector>(KvCache cache, int layer, int headDim) where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Positions of a block of values: the most that attention takes at once, and a multiple of all others that it takes.</summary>
    public const int ValueBlock = 1920;

    private readonly float* keys = (float*)cache.Keys(layer).Pointer;
    private readonly float* values = (float*)cache.Values(layer).Pointer;
    private readonly nint positions = KvCache.Padded(cache.Capacity);
    private readonly int valuePanels = PanelsOf(headDim);

    /// <summary>Positions that fit.</summary>
    public int Capacity { get; } = cache.Capacity;

    /// <summary>Panels that <paramref name="count"/> positions or columns take.</summary>
    public static int PanelsOf(int count) => (count + TVector.Count - 1) / TVector.Count;

    /// <summary>Floats of a row of sums over values: the columns, rounded up to whole panels.</summary>
    public static int ColumnLength(int headDim) => PanelsOf(headDim) * TVector.Count;

    /// <summary>First element of a key; the others follow a register apart.</summary>
    public float* Key(int kvHead, int position) =>
        keys + (((kvHead * positions) + position - (position % TVector.Count)) * headDim) + (position % TVector.Count);

    /// <summary>First panel's share of a value.</summary>
    public float* Value(int kvHead, int position)
    {
        int start = BlockStart(position);
        return values + (((((kvHead * positions) + start) * valuePanels) + position - start) * TVector.Count);
    }

    /// <summary>Floats from a panel of values to the next; the end of the cache cuts the last block short.</summary>
    public nint ValueDistance(int position) => Math.Min(ValueBlock, positions - BlockStart(position)) * TVector.Count;

    /// <summary>Keys from <paramref name="position"/> on, the first one of a panel.</summary>
    public PanelRun Keys(int kvHead, int position, int count) =>
        new(Key(kvHead, position), (nint)headDim * TVector.Count, PanelsOf(count));

    /// <summary>Values from <paramref name="position"/> to the end of its block.</summary>
    public PanelRun Values(int kvHead, int position) => new(Value(kvHead, position), ValueDistance(position), valuePanels);

    private static int BlockStart(int position) => position - (position % ValueBlock);
}
