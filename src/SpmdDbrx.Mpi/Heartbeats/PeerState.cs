namespace SpmdDbrx.Mpi.Heartbeats;

/// <summary>What a rank says about itself in its heartbeat; it only ever moves on.</summary>
internal enum PeerState : byte
{
    /// <summary>At work.</summary>
    Running,

    /// <summary>Told to stop by the launcher or the user.</summary>
    Stopping,

    /// <summary>Ends the job itself, and says why.</summary>
    Failed,

    /// <summary>Finished; its silence means nothing any more.</summary>
    Done,
}
