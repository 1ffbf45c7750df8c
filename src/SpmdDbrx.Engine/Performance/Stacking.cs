namespace SpmdDbrx.Engine.Performance;

/// <summary>How expert weights lie in memory ([P1] §4.1).</summary>
public enum Stacking
{
    /// <summary>One array per layer and matrix, straight from the checkpoint.</summary>
    Unstacked,

    /// <summary>One array per expert with all its layers.</summary>
    Prestacked,
}
