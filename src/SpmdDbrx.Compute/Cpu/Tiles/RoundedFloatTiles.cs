using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Products in float32 of activations rounded to bfloat16: what <see cref="BFloat16Tiles{TVector, TKernels}"/> computes, where the processor lacks its instructions.</summary>
/// <remarks>A rank without them then stays as close to the others as float32 sums in another order are.</remarks>
internal readonly unsafe struct RoundedFloatTiles<TVector> : ITileFormat where TVector : unmanaged, IFloatVector<TVector>
{
    public static int FeaturesPerCell => 1;

    public static int Cells(int features) => FloatTiles<TVector, BFloat16Element>.Cells(features);

    public static void Pack(RowPointer source, int* indices, Panels panels, int panel)
    {
        FloatTiles<TVector, BFloat16Element>.Pack(source, indices, panels, panel);
        BFloat16Rounding.Run(panels.Row(panel, 0), (long)panels.Rows * panels.Lanes);
    }

    public static void PackLanes(float* values, int features, float* target)
    {
        FloatTiles<TVector, BFloat16Element>.PackLanes(values, features, target);
        BFloat16Rounding.Run(target, (long)features * Tile<TVector>.Lanes);
    }

    public static void LoadRows(byte* first, nint rowBytes, int rows, int columns, float* target, int stride) =>
        FloatTiles<TVector, BFloat16Element>.LoadRows(first, rowBytes, rows, columns, target, stride);

    public static void LoadColumns(byte* first, nint rowBytes, int rows, int columns, float* target, int stride) =>
        FloatTiles<TVector, BFloat16Element>.LoadColumns(first, rowBytes, rows, columns, target, stride);

    public static void UnpackColumns(Panels sums, int panel, int columns, RowPointer target, int column) =>
        FloatTiles<TVector, BFloat16Element>.UnpackColumns(sums, panel, columns, target, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c, int tokens) =>
        FloatTiles<TVector, BFloat16Element>.Add(a, rowStride, depthStride, b, depth, c, tokens);
}
