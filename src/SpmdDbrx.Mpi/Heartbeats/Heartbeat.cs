using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace SpmdDbrx.Mpi.Heartbeats;

/// <summary>Tells the other ranks that this one lives, and notices when one of them no longer does.</summary>
/// <remarks>MPI waits for ever for a rank that is frozen or cut off. So every rank sends small UDP packets beside MPI, from a thread of
/// its own: to ports of this job alone, with a token that no other job has. A rank is watched from its first packet on, so that a
/// network that lets MPI through but no UDP costs the protection, not the job.</remarks>
internal sealed class Heartbeat : IDisposable
{
    // How long those who do not report wait for the word of the one who does.
    private static readonly TimeSpan ReporterGrace = TimeSpan.FromSeconds(1);
    // Between packets of a rank that leaves: some may get lost, and its news should not wait for the next beat.
    private static readonly TimeSpan ShortPause = TimeSpan.FromMilliseconds(10);

    // Open MPI sends SIGKILL one second after SIGTERM: by then it must be clear who was gone before.
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(0.7);
    private static readonly TimeSpan StopSilence = TimeSpan.FromSeconds(0.5);

    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly SocketAddress sender = new(AddressFamily.InterNetwork);
    private readonly AutoResetEvent wake = new(initialState: false);
    private readonly int rank;
    private readonly long token;
    private readonly Activity activity;
    private readonly PeerWatch watch;
    private readonly HeartbeatOptions options;
    private readonly Action<PeerLostException, bool> onLost;
    private readonly Thread thread;
    private volatile bool isEnded;
    private volatile PeerState state;

    private Heartbeat(Intracommunicator world, HeartbeatOptions options, Action<PeerLostException, bool> onLost)
    {
        (this.options, this.onLost) = (options, onLost);
        (rank, activity) = (world.Rank, world.Activity);
        using Intracommunicator host = world.SplitByHost();
        bool isOneHost = host.Size == world.Size;
        socket.Bind(new IPEndPoint(isOneHost ? IPAddress.Loopback : IPAddress.Any, 0));
        HeartbeatEndpoint own = new(
            System.Environment.MachineName,
            BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8)),
            ((IPEndPoint)socket.LocalEndPoint!).Port,
            isOneHost ? [IPAddress.Loopback] : HeartbeatEndpoint.LocalAddresses());
        HeartbeatEndpoint[] all = HeartbeatEndpoint.Exchange(world, own);
        token = all[0].Token;
        watch = new PeerWatch([.. Enumerable.Range(0, all.Length).Where(other => other != rank).Select(other => PeerAt(other, all[other]))], rank, options.Deadline);
        thread = new Thread(Beat) { IsBackground = true, Name = "heartbeat" };
        thread.Start();
    }

    /// <summary>Starts watching. All ranks call this.</summary>
    /// <param name="world">All ranks.</param>
    /// <param name="options">How; null or a zero deadline = not at all.</param>
    /// <param name="onLost">Ends the job; called once, on the heartbeat's thread, with whether this rank is the one to report it.</param>
    /// <returns>null when nobody watches.</returns>
    public static Heartbeat? Start(Intracommunicator world, HeartbeatOptions? options, Action<PeerLostException, bool> onLost) =>
        world.Size == 1 || options is null || options.Deadline <= TimeSpan.Zero ? null : new Heartbeat(world, options, onLost);

    /// <summary>Whether another rank was told to stop too: then the launcher knows, and ends the job.</summary>
    public bool OthersStop => watch.Peers.Any(peer => peer.State == PeerState.Stopping);

    /// <summary>Says that this rank leaves, and how.</summary>
    public void Leave(PeerState reason)
    {
        state = reason;
        SendToAll();
        wake.Set();
    }

    /// <summary>Says that this rank was told to stop, and finds out whether that is because another one has died: those who live say the same.</summary>
    /// <returns>What this rank is to report; null if nothing.</returns>
    public PeerLostException? LeaveAndFindLost()
    {
        Leave(PeerState.Stopping);
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < StopPatience; Thread.Sleep(ShortPause))
        {
            if (watch.Peers.All(peer => peer.State != PeerState.Running || !peer.IsHeard))
                return null;
        }
        IReadOnlyList<Peer> gone = watch.FindGone(StopSilence);
        return gone.Count > 0 && watch.Reports(gone) ? Describe(gone) : null;
    }

    public void Dispose()
    {
        isEnded = true;
        wake.Set();
        thread.Join();
        socket.Dispose();
        wake.Dispose();
    }

    private static Peer PeerAt(int rank, HeartbeatEndpoint endpoint) =>
        new(rank, endpoint.Host, endpoint.Addresses.Select(address => new IPEndPoint(address, endpoint.Port).Serialize()));

    private void Beat()
    {
        bool hasWarned = rank != 0;
        long start = Stopwatch.GetTimestamp(), last = start;
        while (!isEnded)
        {
            ReceiveAll();
            long now = Stopwatch.GetTimestamp();
            watch.Advance(Stopwatch.GetElapsedTime(last, now));
            last = now;
            SendToAll();
            if (!hasWarned && Stopwatch.GetElapsedTime(start, now) > options.Deadline)
            {
                WarnOfUnheard();
                hasWarned = true;
            }
            if (state == PeerState.Running && watch.FindLost() is { Count: > 0 } lost)
            {
                End(lost);
                return;
            }
            wake.WaitOne(state == PeerState.Running ? watch.BeatInterval : ShortPause);
        }
    }

    private void End(IReadOnlyList<Peer> lost)
    {
        PeerLostException exception = Describe(lost);
        bool isReported = false;
        for (long start = Stopwatch.GetTimestamp();
            !isReported && !watch.Reports(lost) && Stopwatch.GetElapsedTime(start) < ReporterGrace;
            Thread.Sleep(ShortPause))
        {
            ReceiveAll();
            isReported = watch.Peers.Any(peer => peer.State == PeerState.Failed);
        }
        onLost(exception, !isReported);
    }

    private void ReceiveAll()
    {
        Span<byte> buffer = stackalloc byte[HeartbeatPacket.MaxBytes];
        while (socket.Poll(0, SelectMode.SelectRead))
        {
            int length;
            try
            {
                length = socket.ReceiveFrom(buffer, SocketFlags.None, sender);
            }
            catch (SocketException)
            {
                // A foreign packet that is too long, or news of an earlier send that failed.
                continue;
            }
            if (HeartbeatPacket.TryRead(buffer[..length], token, out HeartbeatPacket packet))
                watch.Find(packet.Rank)?.Hear(packet, sender);
        }
    }

    private void SendToAll()
    {
        Span<byte> buffer = stackalloc byte[HeartbeatPacket.MaxBytes];
        ReadOnlySpan<byte> packet = HeartbeatPacket.Write(buffer, token, rank, state, activity.ToString());
        foreach (Peer peer in watch.Peers)
        {
            foreach (SocketAddress address in peer.Addresses)
                Send(packet, address);
        }
    }

    private void Send(ReadOnlySpan<byte> packet, SocketAddress address)
    {
        try
        {
            socket.SendTo(packet, SocketFlags.None, address);
        }
        catch (SocketException)
        {
            // No way to that address now: candidates are only tried, and a link that is down shows as the other side's silence.
        }
    }

    private void WarnOfUnheard()
    {
        int[] unheard = [.. watch.Peers.Where(peer => !peer.IsHeard && peer.State == PeerState.Running).Select(peer => peer.Rank)];
        if (unheard.Length > 0)
        {
            options.OnUnwatched(
                $"no heartbeat (UDP over IPv4) arrives from rank {string.Join(", ", unheard)}: should it freeze or its link be cut, the job would wait for ever; "
                + "let the hosts' firewalls pass UDP between them, or silence this with --heartbeat 0");
        }
    }

    private PeerLostException Describe(IReadOnlyList<Peer> lost) => new(
        $"lost {string.Join(" and ", lost)}: no sign of life for {lost.Max(peer => peer.Silence).TotalSeconds:F1} s; rank {rank} is in {activity}");
}
