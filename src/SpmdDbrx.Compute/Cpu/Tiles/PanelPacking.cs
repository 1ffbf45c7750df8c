using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Between rows of tokens and panels: transpositions, four values at a time.</summary>
internal static unsafe class PanelPacking<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Fills one panel with tokens, their features in lane order; zeros on unused lanes and rows.</summary>
    /// <param name="source">All rows.</param>
    /// <param name="indices">Row of <paramref name="source"/> that each token of <paramref name="panels"/> reads; null = the token's own.</param>
    /// <param name="panels">[padded columns] rows a panel.</param>
    /// <param name="panel">Panel to fill.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(RowPointer source, int* indices, Panels panels, int panel)
    {
        int lanes = panels.Lanes;
        int tokens = panels.TokensOf(panel);
        float* target = panels.Row(panel, 0);
        if (tokens < lanes || panels.Rows > source.Columns)
            new Span<float>(target, panels.Rows * lanes).Clear();
        for (int lane = 0; lane < tokens; lane += 4)
        {
            int count = Math.Min(4, tokens - lane);
            FourTokens four = new(source, indices, (panel * lanes) + lane, count);
            Vector128<float> mask = FourTokens.Mask(count);
            for (int column = 0; column < source.Columns; column++)
            {
                (four.Feature(column) & mask).Store(target + (LaneOf(column) * lanes) + lane);
            }
        }
    }

    /// <summary>target[t][column + j] = row j of the panel in lane order, lane t, for the panel's tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack(Panels panels, int panel, int columns, RowPointer target, int firstToken, int column)
    {
        int lanes = panels.Lanes;
        for (int lane = 0; lane < panels.TokensOf(panel); lane++)
        {
            float* source = panels.Row(panel, 0) + lane;
            float* row = target.Row(firstToken + (panel * lanes) + lane) + column;
            int index = 0;
            for (; index <= columns - 4; index += 4)
            {
                Vector128.Create(
                    source[LaneOf(index) * lanes], source[LaneOf(index + 1) * lanes],
                    source[LaneOf(index + 2) * lanes], source[LaneOf(index + 3) * lanes]).Store(row + index);
            }
            for (; index < columns; index++)
                row[index] = source[LaneOf(index) * lanes];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LaneOf(int column) => TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column;
}
