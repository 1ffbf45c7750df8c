namespace SpmdDbrx.Engine.Performance;

/// <summary>The ways to spread a model over ranks that are compared.</summary>
public enum Spread
{
    /// <summary>Everything on the only rank.</summary>
    OneRank,

    /// <summary>Each expert on one rank, in order.</summary>
    EachOnce,

    /// <summary>The same, and ranks that map the same files run each other's experts.</summary>
    SharedOnNode,

    /// <summary>Node after node holds as many experts as it may, where the one before stopped, round and round.</summary>
    Ring,

    /// <summary>Copies where the search for the least busiest load puts them.</summary>
    Searched,

    /// <summary>A slice of every expert on every rank.</summary>
    Slices,

    /// <summary>The same, with attention heads spread too.</summary>
    SlicesAndHeads,
}

/// <summary>How people call a <see cref="Spread"/>.</summary>
public static class SpreadName
{
    /// <summary>In words.</summary>
    public static string Words(this Spread spread) => spread switch
    {
        Spread.OneRank => "one rank",
        Spread.EachOnce => "experts, each once",
        Spread.SharedOnNode => "experts shared by the ranks of a node",
        Spread.Ring => "ring",
        Spread.Searched => "best placement",
        Spread.Slices => "slices",
        Spread.SlicesAndHeads => "slices, attention split",
        _ => throw new ArgumentOutOfRangeException(nameof(spread), spread, null),
    };
}
