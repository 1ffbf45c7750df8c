using System.Net;
using SpmdDbrx.Mpi.Heartbeats;
using Xunit;

namespace SpmdDbrx.Tests.Mpi.Heartbeats;

/// <summary>Who is judged lost, and who is not.</summary>
public sealed class PeerWatchTests
{
    private const int OwnRank = 1;
    private const long Token = 42;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);
    private readonly Peer[] peers = [new(0, "a", []), new(2, "c", []), new(3, "d", [])];
    private readonly PeerWatch watch;

    public PeerWatchTests()
    {
        watch = new PeerWatch(peers, OwnRank, Deadline);
        foreach (Peer peer in peers)
            Hear(peer);
    }

    [Fact]
    public void FindLost_OneSilentForTheDeadline_IsLostAlone()
    {
        PassBeats(20, peers[0], peers[2]);
        Assert.Equal([peers[1]], watch.FindLost());
    }

    [Fact]
    public void FindLost_JustBelowTheDeadline_IsEmpty()
    {
        PassBeats(19, peers[0], peers[2]);
        Assert.Empty(watch.FindLost());
    }

    [Fact]
    public void Advance_ThisRankWasNotScheduled_AccusesNobody()
    {
        watch.Advance(TimeSpan.FromSeconds(60));
        Assert.Empty(watch.FindLost());
        Assert.All(peers, peer => Assert.True(peer.Silence <= 2 * watch.BeatInterval));
    }

    [Fact]
    public void FindLost_SeveralBehindOneLink_AreFoundTogether()
    {
        // The last packets of ranks 2 and 3 came two beats apart.
        PassBeats(2, peers[0], peers[2]);
        PassBeats(18, peers[0]);
        Assert.Equal([peers[1], peers[2]], watch.FindLost());
    }

    [Fact]
    public void FindLost_NeverHeard_IsNotLost()
    {
        Peer unheard = new(2, "c", []);
        PeerWatch newWatch = new([unheard], OwnRank, Deadline);
        for (int beat = 0; beat < 100; beat++)
            newWatch.Advance(newWatch.BeatInterval);
        Assert.Empty(newWatch.FindLost());
    }

    [Fact]
    public void FindLost_Finished_IsNotLost()
    {
        Hear(peers[1], PeerState.Done);
        // A packet sent before, delivered after.
        Hear(peers[1]);
        PassBeats(40, peers[0], peers[2]);
        Assert.Empty(watch.FindLost());
    }

    [Fact]
    public void FindGone_AllWereToldToStop_IsWhoDidNotSaySo()
    {
        Hear(peers[0], PeerState.Stopping);
        Hear(peers[2], PeerState.Stopping);
        PassBeats(6);
        Assert.Equal([peers[1]], watch.FindGone(TimeSpan.FromSeconds(0.5)));
    }

    [Fact]
    public void Reports_LowestOfThoseLeft_IsTheOne()
    {
        Assert.False(watch.Reports([peers[1]]));
        Assert.True(watch.Reports([peers[0]]));
        Assert.True(watch.Reports(peers));
    }

    private static void Hear(Peer peer, PeerState state = PeerState.Running)
    {
        Span<byte> buffer = stackalloc byte[HeartbeatPacket.MaxBytes];
        Assert.True(HeartbeatPacket.TryRead(HeartbeatPacket.Write(buffer, Token, peer.Rank, state, "decode"), Token, out HeartbeatPacket packet));
        peer.Hear(packet, new IPEndPoint(IPAddress.Loopback, 1).Serialize());
    }

    private void PassBeats(int count, params Peer[] alive)
    {
        for (int beat = 0; beat < count; beat++)
        {
            foreach (Peer peer in alive)
                Hear(peer, peer.State);
            watch.Advance(watch.BeatInterval);
        }
    }
}
