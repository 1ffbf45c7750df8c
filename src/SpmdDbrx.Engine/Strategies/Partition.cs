namespace SpmdDbrx.Engine.Strategies;

/// <summary>What of the expert weights a rank holds (MECHANISMS §2).</summary>
public enum Partition
{
    /// <summary>Whole experts, as a placement says.</summary>
    Experts,

    /// <summary>An equal share of the rows of every expert.</summary>
    Slices,
}
