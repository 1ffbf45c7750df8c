using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Products of bfloat16 weights with activations rounded to bfloat16, two features a cell, by dot-product instructions.</summary>
/// <remarks>Twice the multiply-adds of float32 an instruction, at the price of the activations' last 16 bits.</remarks>
internal readonly unsafe struct BFloat16Tiles<TVector, TKernels> : ITileFormat
    where TVector : unmanaged, IFloatVector<TVector>
    where TKernels : struct, INativeKernels
{
    public static int FeaturesPerCell => 2;

    public static int Cells(int features) => (features + 1) / 2;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(RowPointer source, int* indices, Panels panels, int panel)
    {
        int lanes = panels.Lanes;
        int tokens = panels.TokensOf(panel);
        if (tokens < lanes)
            new Span<float>(panels.Row(panel, 0), panels.Rows * lanes).Clear();
        for (int lane = 0; lane < tokens; lane += 4)
        {
            int count = Math.Min(4, tokens - lane);
            FourTokens four = new(source, indices, (panel * lanes) + lane, count);
            Vector128<float> mask = FourTokens.Mask(count);
            uint* target = (uint*)panels.Row(panel, 0) + lane;
            int column = 0;
            for (; column < source.Columns - 1; column += 2)
            {
                BFloat16Rounding.Pair(four.Feature(column) & mask, four.Feature(column + 1) & mask).Store(target);
                target += lanes;
            }
            if (column < source.Columns)
                BFloat16Rounding.Pair(four.Feature(column) & mask, Vector128<float>.Zero).Store(target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackLanes(float* values, int features, float* target)
    {
        int lanes = Tile<TVector>.Lanes;
        for (int feature = 0; feature < features; feature += 2)
        {
            float* odd = values + lanes;
            for (int lane = 0; lane < lanes; lane += 4)
            {
                Vector128<float> second = feature + 1 < features ? Vector128.Load(odd + lane) : Vector128<float>.Zero;
                BFloat16Rounding.Pair(Vector128.Load(values + lane), second).Store((uint*)target + lane);
            }
            values += 2 * lanes;
            target += lanes;
        }
    }

    /// <summary>Pairs lie side by side in a stored row: nothing but a copy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadRows(byte* first, nint rowBytes, int rows, int columns, float* target, int stride)
    {
        int used = columns * sizeof(ushort);
        for (int row = 0; row < rows; row++)
        {
            byte* to = (byte*)(target + (row * stride));
            new ReadOnlySpan<byte>(first + (row * rowBytes), used).CopyTo(new Span<byte>(to, used));
            new Span<byte>(to + used, (stride * sizeof(float)) - used).Clear();
        }
    }

    /// <summary>A pair comes from two rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadColumns(byte* first, nint rowBytes, int rows, int columns, float* target, int stride)
    {
        for (int row = 0; row < rows; row += 2)
        {
            ushort* even = (ushort*)(first + (row * rowBytes));
            ushort* odd = (ushort*)((byte*)even + rowBytes);
            bool pair = row + 1 < rows;
            int column = 0;
            for (; column <= columns - TVector.Count; column += TVector.Count)
            {
                TVector second = pair ? TVector.ShiftLeft(TVector.LoadLowHalves(odd + column), 16) : TVector.Zero;
                (TVector.LoadLowHalves(even + column) | second).Store(target + column);
            }
            for (; column < columns; column++)
                ((uint*)target)[column] = even[column] | (pair ? (uint)odd[column] << 16 : 0);
            new Span<float>(target + columns, stride - columns).Clear();
            target += stride;
        }
    }

    public static void UnpackColumns(Panels sums, int panel, int columns, RowPointer target, int column) =>
        PanelPacking<TVector, Float32Element>.Unpack(sums, panel, columns, target, 0, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c, int tokens)
    {
        if (tokens > TVector.Count)
            TKernels.Loaded.Wide(a, rowStride, depthStride, b, depth, c);
        else
            TKernels.Loaded.Narrow(a, rowStride, depthStride, b, depth, c);
    }
}
