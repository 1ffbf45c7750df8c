using System.Buffers.Binary;
using System.Text;

namespace SpmdDbrx.Mpi.Heartbeats;

/// <summary>One heartbeat on the wire: job token (8 bytes), rank (4), state (1), activity (UTF-8, the rest).</summary>
internal readonly ref struct HeartbeatPacket
{
    /// <summary>Longest packet.</summary>
    public const int MaxBytes = 160;

    private const int HeaderBytes = 13;

    /// <summary>Who sent it.</summary>
    public int Rank { get; private init; }

    /// <summary>What it says about itself.</summary>
    public PeerState State { get; private init; }

    /// <summary>What it is doing, UTF-8.</summary>
    public ReadOnlySpan<byte> Activity { get; private init; }

    /// <summary>Writes a packet; a long activity is cut.</summary>
    /// <returns>Its bytes, at the start of <paramref name="buffer"/>.</returns>
    public static ReadOnlySpan<byte> Write(Span<byte> buffer, long token, int rank, PeerState state, string activity)
    {
        BinaryPrimitives.WriteInt64LittleEndian(buffer, token);
        BinaryPrimitives.WriteInt32LittleEndian(buffer[8..], rank);
        buffer[12] = (byte)state;
        Encoding.UTF8.GetEncoder().Convert(activity, buffer[HeaderBytes..MaxBytes], flush: true, out _, out int textBytes, out _);
        return buffer[..(HeaderBytes + textBytes)];
    }

    /// <summary>Reads a packet of the job with this token; false for anything else that arrives.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, long token, out HeartbeatPacket packet)
    {
        packet = default;
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadInt64LittleEndian(bytes) != token || bytes[12] > (byte)PeerState.Done)
            return false;
        packet = new HeartbeatPacket
        {
            Rank = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
            State = (PeerState)bytes[12],
            Activity = bytes[HeaderBytes..],
        };
        return true;
    }
}
