namespace SpmdDbrx.Compute.Cpu;

/// <summary>Between rows of tokens and panels.</summary>
internal static unsafe class PanelPacking<TVector, TElement>
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Fills one panel with tokens, their features in lane order; zeros on unused lanes and rows.</summary>
    /// <param name="source">All rows.</param>
    /// <param name="indices">Row of <paramref name="source"/> that each token of <paramref name="panels"/> reads; null = the token's own.</param>
    /// <param name="panels">[padded columns] rows a panel.</param>
    /// <param name="panel">Panel to fill.</param>
    public static void Pack(RowPointer source, int* indices, Panels panels, int panel)
    {
        int lanes = panels.Lanes;
        int tokens = panels.TokensOf(panel);
        float* target = panels.Row(panel, 0);
        if (tokens < lanes || panels.Rows > source.Columns)
            new Span<float>(target, panels.Rows * lanes).Clear();
        for (int lane = 0; lane < tokens; lane++)
        {
            int token = (panel * lanes) + lane;
            float* row = source.Row(indices is null ? token : indices[token]);
            for (int column = 0; column < source.Columns; column++)
                target[(LaneOf(column) * lanes) + lane] = row[column];
        }
    }

    /// <summary>target[t][column + j] = row j of the panel in lane order, lane t, for the panel's tokens.</summary>
    public static void Unpack(Panels panels, int panel, int columns, RowPointer target, int firstToken, int column)
    {
        float* source = panels.Row(panel, 0);
        for (int lane = 0; lane < panels.TokensOf(panel); lane++)
        {
            float* row = target.Row(firstToken + (panel * panels.Lanes) + lane) + column;
            for (int index = 0; index < columns; index++)
                row[index] = source[(LaneOf(index) * panels.Lanes) + lane];
        }
    }

    private static int LaneOf(int column) => TElement.EvensFirst ? LaneOrder.Lane<TVector>(column) : column;
}
