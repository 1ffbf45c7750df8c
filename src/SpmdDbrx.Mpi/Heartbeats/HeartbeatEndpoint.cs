using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;

namespace SpmdDbrx.Mpi.Heartbeats;

/// <summary>Where one rank's heartbeat listens, as the ranks tell each other at the start.</summary>
/// <param name="Host">Name of its host.</param>
/// <param name="Token">A random number; rank 0's becomes the job's token.</param>
/// <param name="Port">UDP port.</param>
/// <param name="Addresses">IPv4 addresses under which others may reach it.</param>
internal sealed record HeartbeatEndpoint(string Host, long Token, int Port, IReadOnlyList<IPAddress> Addresses)
{
    private const int HostBytes = 64;
    private const int MaxAddresses = 12;
    private const int HeaderBytes = 16;
    private const int RecordBytes = HeaderBytes + (MaxAddresses * 4) + HostBytes;

    /// <summary>Every rank's endpoint, in rank order. All ranks call this.</summary>
    public static HeartbeatEndpoint[] Exchange(Intracommunicator world, HeartbeatEndpoint own)
    {
        byte[] records = new byte[world.Size * RecordBytes];
        world.Allgather<byte>(own.ToBytes(), records);
        return [.. Enumerable.Range(0, world.Size).Select(rank => FromBytes(records.AsSpan(rank * RecordBytes, RecordBytes)))];
    }

    /// <summary>Addresses of this host's interfaces, those with a way out first: virtual bridges have the same address on many hosts.</summary>
    public static IReadOnlyList<IPAddress> LocalAddresses() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces()
            .Where(card => card.OperationalStatus != OperationalStatus.Down && card.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .Select(card => card.GetIPProperties())
            .OrderByDescending(card => card.GatewayAddresses.Count)
            .SelectMany(card => card.UnicastAddresses)
            .Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork)
            .Take(MaxAddresses),
    ];

    private byte[] ToBytes()
    {
        byte[] record = new byte[RecordBytes];
        BinaryPrimitives.WriteInt64LittleEndian(record, Token);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), Port);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), Addresses.Count);
        for (int index = 0; index < Addresses.Count; index++)
            Addresses[index].TryWriteBytes(record.AsSpan(HeaderBytes + (index * 4)), out _);
        Encoding.UTF8.GetEncoder().Convert(Host, record.AsSpan(RecordBytes - HostBytes), flush: true, out _, out _, out _);
        return record;
    }

    private static HeartbeatEndpoint FromBytes(ReadOnlySpan<byte> record)
    {
        IPAddress[] addresses = new IPAddress[BinaryPrimitives.ReadInt32LittleEndian(record[12..])];
        for (int index = 0; index < addresses.Length; index++)
            addresses[index] = new IPAddress(record.Slice(HeaderBytes + (index * 4), 4));
        return new HeartbeatEndpoint(
            Encoding.UTF8.GetString(record[^HostBytes..].TrimEnd((byte)0)),
            BinaryPrimitives.ReadInt64LittleEndian(record),
            BinaryPrimitives.ReadInt32LittleEndian(record[8..]),
            addresses);
    }
}
