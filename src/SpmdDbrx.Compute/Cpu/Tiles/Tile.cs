using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>The inner product of matrix-matrix products: a few weight rows, broadcast, times a panel of tokens on the lanes (Goto and van de Geijn, doi 10.1145/1356052.1356053).</summary>
internal static unsafe class Tile<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Weight rows of a tile: as many as the registers hold sums for.</summary>
    public static int Rows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TVector.Count == 16 || AdvSimd.IsSupported ? 12 : 6;
    }

    /// <summary>Tokens of a panel.</summary>
    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TVector.Count;
    }

    /// <summary>Rows rounded up to whole tiles.</summary>
    public static int PaddedRows(int rows) => (rows + Rows - 1) / Rows * Rows;

    /// <summary>c[row][lane] += Σ_k a[row · rowStride + k · depthStride] · b[k][lane].</summary>
    /// <param name="a">Weights of <see cref="Rows"/> rows.</param>
    /// <param name="rowStride">Floats from a row to the next.</param>
    /// <param name="depthStride">Floats from a k to the next.</param>
    /// <param name="b">[depth, Lanes].</param>
    /// <param name="depth">Length of the sums.</param>
    /// <param name="c">[Rows, Lanes].</param>
    /// <param name="tokens">Lanes in use; half the work when they fit one register.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c, int tokens)
    {
        if (Rows == 12)
        {
            if (tokens > TVector.Count)
                TileOfTwelve<TVector>.Wide(a, rowStride, depthStride, b, depth, c);
            else
                TileOfTwelve<TVector>.Narrow(a, rowStride, depthStride, b, depth, c);
        }
        else if (tokens > TVector.Count)
        {
            PanelTile<TVector>.SixByTwo<NoPrefetch, FromSums>(a, rowStride, depthStride, b, TVector.Count, Lanes, depth, c, Lanes, TVector.Count);
        }
        else
        {
            PanelTile<TVector>.SixByOne(a, rowStride, depthStride, b, Lanes, depth, c, Lanes);
        }
    }
}
