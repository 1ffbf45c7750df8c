namespace SpmdDbrx.Engine.Performance;

/// <summary>How N ranks add their vectors so that all have the sum.</summary>
public enum AllReduceAlgorithm
{
    /// <summary>Every rank sends its vector to every other: one step, N − 1 messages a rank.</summary>
    Direct,

    /// <summary>In step s a rank exchanges its partial sum with the rank at distance 2^s: ⌈log₂ N⌉ steps of the whole vector.</summary>
    RecursiveDoubling,

    /// <summary>2 (N − 1) steps round a ring, each of one N-th of the vector.</summary>
    Ring,

    /// <summary>The faster of recursive doubling and ring for the size at hand, as MPI libraries choose.</summary>
    Fastest,
}
