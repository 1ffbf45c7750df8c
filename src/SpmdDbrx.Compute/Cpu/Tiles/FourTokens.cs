using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Up to four neighbouring tokens of a panel, read feature by feature.</summary>
internal readonly unsafe struct FourTokens
{
    private readonly float* row0, row1, row2, row3;

    /// <param name="source">All rows.</param>
    /// <param name="indices">Row of <paramref name="source"/> that each token reads; null = the token's own.</param>
    /// <param name="first">First token.</param>
    /// <param name="count">Tokens, 1 … 4; the others repeat the first.</param>
    public FourTokens(RowPointer source, int* indices, int first, int count)
    {
        row0 = Row(0);
        row1 = count > 1 ? Row(1) : row0;
        row2 = count > 2 ? Row(2) : row0;
        row3 = count > 3 ? Row(3) : row0;

        float* Row(int token) => source.Row(indices is null ? first + token : indices[first + token]);
    }

    /// <summary>All bits set in the lanes of <paramref name="count"/> tokens.</summary>
    public static Vector128<float> Mask(int count) => Vector128.LessThan(Vector128<int>.Indices, Vector128.Create(count)).AsSingle();

    /// <summary>One feature of each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<float> Feature(int column) => Vector128.Create(row0[column], row1[column], row2[column], row3[column]);
}
