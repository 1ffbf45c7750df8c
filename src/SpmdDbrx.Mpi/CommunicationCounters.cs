namespace SpmdDbrx.Mpi;

/// <summary>What one rank has communicated so far, counted where it happens.</summary>
public sealed class CommunicationCounters
{
    /// <summary>All-reduce calls.</summary>
    public long Allreduces { get; internal set; }

    /// <summary>All other collective calls that move data (broadcast, reduce, gather, allgather).</summary>
    public long OtherCollectives { get; internal set; }

    /// <summary>Payload bytes this rank handed to collectives.</summary>
    public long PayloadBytes { get; internal set; }

    /// <summary>Stopwatch ticks spent inside collectives, waiting included.</summary>
    public long Ticks { get; internal set; }
}
