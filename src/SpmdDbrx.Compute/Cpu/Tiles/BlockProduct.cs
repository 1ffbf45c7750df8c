using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Sums of one block of weights times panels of tokens, tile by tile; meanwhile the next block is fetched from memory.</summary>
internal static unsafe class BlockProduct<TVector, TFormat>
    where TVector : unmanaged, IFloatVector<TVector>
    where TFormat : struct, ITileFormat
{
    /// <summary>Cells along the depth of a block: with them a panel's share takes 16 KiB and stays in the first-level cache.</summary>
    public static int Depth => 4096 / Tile<TVector>.Lanes;

    /// <summary>Rows of a block: whole tiles and whole groups of two registers.</summary>
    public const int Rows = 192;

    /// <summary>sums[panel][row] += Σ_k weights[row, k] · inputs[panel][firstDepth + k].</summary>
    /// <param name="weights">Loaded block.</param>
    /// <param name="rowStride">Floats from one output row to the next.</param>
    /// <param name="depthStride">Floats from one k to the next.</param>
    /// <param name="rows">Output rows, a multiple of <see cref="Tile{TVector}.Rows"/>.</param>
    /// <param name="depth">Length of the sums.</param>
    /// <param name="inputs">Panels of tokens.</param>
    /// <param name="firstDepth">Row of <paramref name="inputs"/> that meets k = 0.</param>
    /// <param name="sums">Panels of the same tokens.</param>
    /// <param name="firstRow">Row of <paramref name="sums"/> that meets row 0.</param>
    /// <param name="next">What is needed afterwards.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(
        float* weights, nint rowStride, nint depthStride, int rows, int depth, Panels inputs, int firstDepth, Panels sums, int firstRow, BlockFetch next)
    {
        int calls = inputs.Count * (rows / Tile<TVector>.Rows);
        int linesPerCall = (next.LineCount + Math.Max(1, calls) - 1) / Math.Max(1, calls);
        for (int panel = 0; panel < inputs.Count; panel++)
        {
            float* input = inputs.Row(panel, firstDepth);
            float* sum = sums.Row(panel, firstRow);
            int tokens = inputs.TokensOf(panel);
            for (int row = 0; row < rows; row += Tile<TVector>.Rows)
            {
                next.Fetch(linesPerCall);
                TFormat.Add(weights + (row * rowStride), rowStride, depthStride, input, depth, sum + (row * Tile<TVector>.Lanes), tokens);
            }
        }
    }
}
