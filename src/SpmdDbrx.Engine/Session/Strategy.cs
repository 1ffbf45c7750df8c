namespace SpmdDbrx.Engine.Session;

/// <summary>Where attention and router run ([P1] §3, §4.3).</summary>
public enum Topology
{
    /// <summary>On every rank; one all-reduce a layer.</summary>
    Decentralized,

    /// <summary>On rank 0, which sends expert inputs and gathers outputs: two communications a layer.</summary>
    Centralized,
}

/// <summary>Which local experts run in a layer ([P1] §4.2).</summary>
public enum Loading
{
    /// <summary>Only the selected ones.</summary>
    OnDemand,

    /// <summary>All of them; unselected ones get weight 0.</summary>
    BusyFull,

    /// <summary>As many as the busiest rank has selected; the spare quota goes to the least recently used, with weight 0.</summary>
    RouterAided,
}

/// <summary>How a layer's experts are divided over the ranks.</summary>
public enum Partition
{
    /// <summary>Whole experts.</summary>
    Experts,

    /// <summary>A slice of every expert's hidden units.</summary>
    Slices,
}
