namespace SpmdDbrx.Engine.Strategies;

/// <summary>Which of its experts a rank runs in a layer ([P1] §4.2).</summary>
public enum Loading
{
    /// <summary>The selected ones.</summary>
    OnDemand,

    /// <summary>All of them; unselected ones get weight 0.</summary>
    BusyFull,

    /// <summary>As many as the busiest rank has selected ones: the selected, then the least recently used with weight 0.</summary>
    RouterAided,
}
