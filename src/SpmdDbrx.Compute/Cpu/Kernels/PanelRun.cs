namespace SpmdDbrx.Compute.Cpu;

/// <summary>Panels that meet the same rows, [depth, Count] each: one register wide, unlike the <see cref="Panels"/> of tokens, which are two.</summary>
/// <param name="first">Panel 0.</param>
/// <param name="distance">Floats from a panel to the next.</param>
/// <param name="count">Panels.</param>
internal readonly unsafe struct PanelRun(float* first, nint distance, int count)
{
    public int Count { get; } = count;

    public nint Distance { get; } = distance;

    public float* Panel(int panel) => first + (panel * Distance);
}
