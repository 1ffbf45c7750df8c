using SpmdDbrx.Mpi;
using SpmdDbrx.Mpi.Heartbeats;
using Xunit;

namespace SpmdDbrx.Tests.Mpi.Heartbeats;

/// <summary>Real packets between three ranks in one process.</summary>
public sealed class HeartbeatTests
{
    private const int Ranks = 3;
    private static readonly HeartbeatOptions Options = new(TimeSpan.FromSeconds(0.6), message => throw new InvalidOperationException(message));

    [Fact]
    public void Heartbeat_OneRankFallsSilent_TheOthersLearnItAndOneReports()
    {
        string?[] reports = new string?[Ranks];
        InProcessWorld.Run(Ranks, world =>
        {
            world.Activity.Begin("decode", "layer");
            world.Activity.Index = world.Rank;
            using ManualResetEventSlim over = new();
            Heartbeat? heartbeat = null;
            heartbeat = Heartbeat.Start(world, Options, (lost, isMineToReport) =>
            {
                reports[world.Rank] = isMineToReport ? lost.Message : "";
                heartbeat!.Leave(PeerState.Failed);
                over.Set();
            });
            Thread.Sleep(200);
            if (world.Rank == 2)
                heartbeat!.Dispose();
            else
                Assert.True(over.Wait(TimeSpan.FromSeconds(30)), "nobody noticed");
            world.Barrier();
            if (world.Rank != 2)
                heartbeat!.Dispose();
        });
        Assert.StartsWith($"lost rank 2 on {System.Environment.MachineName} (last in decode, layer 2): no sign of life for ", reports[0], StringComparison.Ordinal);
        Assert.EndsWith("rank 0 is in decode, layer 0", reports[0], StringComparison.Ordinal);
        Assert.Equal("", reports[1]);
        Assert.Null(reports[2]);
    }

    [Fact]
    public void Heartbeat_OneRankFinishesEarly_NobodyIsLost()
    {
        int lostCount = 0;
        InProcessWorld.Run(Ranks, world =>
        {
            Heartbeat heartbeat = Heartbeat.Start(world, Options, (_, _) => Interlocked.Increment(ref lostCount))!;
            Thread.Sleep(200);
            if (world.Rank == 0)
            {
                heartbeat.Leave(PeerState.Done);
                Thread.Sleep(50);
                heartbeat.Dispose();
            }
            Thread.Sleep(1500);
            if (world.Rank != 0)
                heartbeat.Dispose();
        });
        Assert.Equal(0, lostCount);
    }

    [Fact]
    public void Start_DeadlineZeroOrOneRank_IsNoHeartbeat()
    {
        using SingleRankCommunicator alone = new();
        Assert.Null(Heartbeat.Start(alone, Options, (_, _) => { }));
        InProcessWorld.Run(2, world => Assert.Null(Heartbeat.Start(world, Options with { Deadline = TimeSpan.Zero }, (_, _) => { })));
    }
}
