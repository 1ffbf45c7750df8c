namespace SpmdDbrx.Engine.Strategies;

/// <summary>Who runs attention and router ([P1] §3, §4.3).</summary>
public enum Topology
{
    /// <summary>Rank 0; it sends expert inputs and gathers outputs: two communications a layer.</summary>
    Centralised,

    /// <summary>Every rank; expert outputs meet in one all-reduce a layer.</summary>
    Decentralised,
}
