using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Products in float32: weights are widened block by block, features and columns stand in lane order.</summary>
internal readonly unsafe struct FloatTiles<TVector, TElement> : ITileFormat
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    public static int FeaturesPerCell => 1;

    public static int Cells(int features) => LaneOrder.Padded<TVector>(features);

    public static void Pack(RowPointer source, int* indices, Panels panels, int panel) =>
        PanelPacking<TVector, TElement>.Pack(source, indices, panels, panel);

    public static void PackLanes(float* values, int features, float* target)
    {
        int length = features * Tile<TVector>.Lanes;
        new ReadOnlySpan<float>(values, length).CopyTo(new Span<float>(target, length));
    }

    public static void LoadRows(byte* first, nint rowBytes, int rows, int columns, float* target, int stride) =>
        WeightBlock<TVector, TElement>.Widen(first, rowBytes, rows, columns, target, stride);

    public static void LoadColumns(byte* first, nint rowBytes, int rows, int columns, float* target, int stride) =>
        WeightBlock<TVector, TElement>.Widen(first, rowBytes, rows, columns, target, stride);

    public static void UnpackColumns(Panels sums, int panel, int columns, RowPointer target, int column) =>
        PanelPacking<TVector, TElement>.Unpack(sums, panel, columns, target, 0, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c, int tokens) =>
        Tile<TVector>.Add(a, rowStride, depthStride, b, depth, c, tokens);
}
