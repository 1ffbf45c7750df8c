namespace SpmdDbrx.Compute.Cpu;

/// <summary>Activations transposed in panels of <see cref="Tile{TVector}.Lanes"/> tokens: [panel][row][lane], tokens on the lanes, zeros on unused ones.</summary>
/// <param name="First">Panel 0.</param>
/// <param name="Rows">Features of a token, padding included.</param>
/// <param name="Lanes">Tokens of a panel.</param>
/// <param name="Tokens">Tokens in use.</param>
internal readonly unsafe record struct Panels(nint First, int Rows, int Lanes, int Tokens)
{
    /// <summary>Panels.</summary>
    public int Count => (Tokens + Lanes - 1) / Lanes;

    /// <summary>Floats of all panels.</summary>
    public long Length => (long)Count * Rows * Lanes;

    /// <summary>Lanes of one row of a panel.</summary>
    public float* Row(int panel, int row) => (float*)First + ((((long)panel * Rows) + row) * Lanes);

    /// <summary>Tokens of a panel.</summary>
    public int TokensOf(int panel) => Math.Min(Lanes, Tokens - (panel * Lanes));

    /// <summary>Zeros everywhere.</summary>
    public void Clear() => new Span<float>((float*)First, checked((int)Length)).Clear();
}
