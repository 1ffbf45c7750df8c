namespace SpmdDbrx.Compute.Cpu;

/// <summary>Panels of one register's width that meet the same rows, each [depth, Count].</summary>
/// <param name="first">Panel 0.</param>
/// <param name="distance">Floats from a panel to the next.</param>
/// <param name="count">Panels.</param>
internal readonly unsafe struct PanelRun(float* first, nint distance, int count)
{
    public int Count { get; } = count;

    public nint Distance { get; } = distance;

    public float* Panel(int panel) => first + (panel * Distance);
}
