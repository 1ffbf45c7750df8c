using System.Text;
using SpmdDbrx.Mpi.Heartbeats;
using Xunit;

namespace SpmdDbrx.Tests.Mpi.Heartbeats;

public sealed class HeartbeatPacketTests
{
    private const long Token = -5_000_000_000;

    [Theory]
    [InlineData("")]
    [InlineData("prefill, layer 39, all-reduce")]
    public void TryRead_WhatWriteWrote_IsTheSame(string activity)
    {
        Span<byte> buffer = stackalloc byte[HeartbeatPacket.MaxBytes];
        Assert.True(HeartbeatPacket.TryRead(HeartbeatPacket.Write(buffer, Token, 7, PeerState.Failed, activity), Token, out HeartbeatPacket packet));
        Assert.Equal(7, packet.Rank);
        Assert.Equal(PeerState.Failed, packet.State);
        Assert.Equal(activity, Encoding.UTF8.GetString(packet.Activity));
    }

    [Fact]
    public void Write_LongActivity_IsCutBetweenCharacters()
    {
        Span<byte> buffer = stackalloc byte[HeartbeatPacket.MaxBytes];
        ReadOnlySpan<byte> bytes = HeartbeatPacket.Write(buffer, Token, 0, PeerState.Running, new string('ü', 500));
        Assert.True(HeartbeatPacket.TryRead(bytes, Token, out HeartbeatPacket packet));
        Assert.Matches("^ü{70,}$", Encoding.UTF8.GetString(packet.Activity));
    }

    [Fact]
    public void TryRead_OfAnotherJobOrBroken_IsRefused()
    {
        Span<byte> buffer = stackalloc byte[HeartbeatPacket.MaxBytes];
        ReadOnlySpan<byte> bytes = HeartbeatPacket.Write(buffer, Token, 1, PeerState.Running, "decode");
        Assert.False(HeartbeatPacket.TryRead(bytes, Token + 1, out _));
        Assert.False(HeartbeatPacket.TryRead(bytes[..12], Token, out _));
        Assert.False(HeartbeatPacket.TryRead([], Token, out _));
        buffer[12] = 200;
        Assert.False(HeartbeatPacket.TryRead(bytes, Token, out _));
    }
}
