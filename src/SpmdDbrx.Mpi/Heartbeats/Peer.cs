using System.Net;
using System.Text;

namespace SpmdDbrx.Mpi.Heartbeats;

/// <summary>What this rank knows of another one. Written by the heartbeat's thread, read by any.</summary>
/// <param name="rank">Which rank.</param>
/// <param name="host">Where it runs.</param>
/// <param name="candidates">Addresses at which it may listen.</param>
internal sealed class Peer(int rank, string host, IEnumerable<SocketAddress> candidates)
{
    private readonly byte[] activity = new byte[HeartbeatPacket.MaxBytes];
    private volatile SocketAddress[] addresses = [.. candidates];
    private volatile bool isHeard;
    private volatile PeerState state;
    private int activityBytes;
    private long silenceTicks;

    public int Rank => rank;

    /// <summary>Where to send: every candidate until it is heard, then where it was heard from.</summary>
    public IReadOnlyList<SocketAddress> Addresses => addresses;

    /// <summary>Whether any heartbeat of it has arrived; only then does its silence mean something.</summary>
    public bool IsHeard => isHeard;

    /// <summary>What it last said about itself.</summary>
    public PeerState State => state;

    /// <summary>How long nothing has come from it, counted while this rank itself was running.</summary>
    public TimeSpan Silence => new(Volatile.Read(ref silenceTicks));

    /// <summary>A heartbeat of it has arrived.</summary>
    public void Hear(in HeartbeatPacket packet, SocketAddress from)
    {
        if (addresses.Length != 1 || !addresses[0].Equals(from))
            addresses = [Copy(from)];
        packet.Activity.CopyTo(activity);
        activityBytes = packet.Activity.Length;
        // UDP may bring an older packet last.
        if (packet.State > state)
            state = packet.State;
        Volatile.Write(ref silenceTicks, 0);
        isHeard = true;
    }

    /// <summary>Time has passed.</summary>
    public void Wait(TimeSpan time) => Volatile.Write(ref silenceTicks, silenceTicks + time.Ticks);

    /// <summary>"rank 2 on h3 (last in prefill, layer 1)".</summary>
    public override string ToString() => $"rank {rank} on {host} (last in {Encoding.UTF8.GetString(activity, 0, activityBytes)})";

    private static SocketAddress Copy(SocketAddress source)
    {
        SocketAddress copy = new(source.Family, source.Size);
        source.Buffer.Span[..source.Size].CopyTo(copy.Buffer.Span);
        return copy;
    }
}
