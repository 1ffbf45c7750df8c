namespace SpmdDbrx.Mpi.Heartbeats;

/// <summary>Judges the other ranks by their silence.</summary>
/// <param name="peers">All other ranks.</param>
/// <param name="ownRank">This one.</param>
/// <param name="deadline">Silence after which a rank is lost.</param>
internal sealed class PeerWatch(IReadOnlyList<Peer> peers, int ownRank, TimeSpan deadline)
{
    private const int BeatsPerDeadline = 20;
    private const int CountedBeats = 2;

    public IReadOnlyList<Peer> Peers => peers;

    /// <summary>Time from one heartbeat to the next.</summary>
    public TimeSpan BeatInterval => deadline / BeatsPerDeadline;

    /// <summary>The peer with this rank; null for this rank itself and for ranks there are not.</summary>
    public Peer? Find(int rank) => peers.FirstOrDefault(peer => peer.Rank == rank);

    /// <summary>Counts time since the last call, after everything that has arrived was heard.</summary>
    /// <remarks>A rank that was itself not scheduled, or whose host was asleep, must not accuse others of the time it missed: of a
    /// long gap, two beats count.</remarks>
    public void Advance(TimeSpan elapsed)
    {
        TimeSpan most = BeatInterval * CountedBeats;
        foreach (Peer peer in peers)
            peer.Wait(elapsed < most ? elapsed : most);
    }

    /// <summary>Ranks that are lost; empty while none has reached the deadline. Ranks that went together, say behind one cut link, are
    /// found together: once one has reached it, those within a quarter of it count too.</summary>
    public IReadOnlyList<Peer> FindLost() =>
        peers.Any(peer => IsSilent(peer, deadline)) ? [.. peers.Where(peer => IsSilent(peer, deadline * 0.75))] : [];

    /// <summary>Ranks that have gone without a word when all were told to stop.</summary>
    /// <param name="silence">How long they must have been silent.</param>
    public IReadOnlyList<Peer> FindGone(TimeSpan silence) =>
        [.. peers.Where(peer => peer.State == PeerState.Running && IsSilent(peer, silence))];

    /// <summary>Whether it is this rank that speaks for those left: the lowest of them does.</summary>
    public bool Reports(IReadOnlyList<Peer> lost) => peers.All(peer => peer.Rank > ownRank || lost.Contains(peer));

    private static bool IsSilent(Peer peer, TimeSpan least) => peer.IsHeard && peer.State != PeerState.Done && peer.Silence >= least;
}
