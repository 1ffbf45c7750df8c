using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>Standby of a session on the emulator, which counts what its driver wires: nothing is left to wire for the first token.</summary>
[Collection(MetalCollection.Name)]
public sealed class StandbySessionTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    // Eight tokens of a trained router select every expert in some layer. The sums are written to the device's two upload arenas.
    private const int Experts = 16;
    private const int UploadArenas = 2;

    [SkippableFact]
    public void Open_WithStandby_ExpertsAreWiredBeforeTheFirstToken()
    {
        (long opening, long first) = Wirings(standby: true, idle: TimeSpan.Zero);
        (long openingWithout, long firstWithout) = Wirings(standby: false, idle: TimeSpan.Zero);
        Assert.InRange(opening - openingWithout, Experts, Experts + UploadArenas);
        Assert.InRange(firstWithout - first, Experts, Experts + UploadArenas);
    }

    [SkippableFact]
    public void Run_AfterIdleTime_WiresAgainBeforeTheNextRequest()
    {
        (_, long asleep) = Wirings(standby: true, idle: TimeSpan.FromSeconds(2));
        (_, long awake) = Wirings(standby: true, idle: TimeSpan.FromSeconds(2), beforeForward: standby => standby.Run());
        Assert.InRange(asleep - awake, Experts, Experts + UploadArenas);
    }

    /// <summary>What the driver wires while a session opens, and while a prompt's tokens run after some idle time.</summary>
    private (long Opening, long Forward) Wirings(bool standby, TimeSpan idle, Action<Standby>? beforeForward = null)
    {
        MetalCollection.RequireEmulator();
        using SingleRankCommunicator world = new();
        using MetalDevice device = new(new MetalOptions { UseResidencySets = false });
        EmulatorClock clock = device.EmulatedTime!;
        long start = clock.Wirings;
        using RankSession session = RankSession.Open(world, device, model.ModelPath, new EngineOptions { Standby = standby, ContextLength = 64 });
        long opened = clock.Wirings;
        device.Sleep(idle);
        beforeForward?.Invoke(session.Standby);
        long before = clock.Wirings;
        session.Decoder.Forward([1, 2, 3, 4, 5, 6, 7, 8], 0);
        return (opened - start, clock.Wirings - before);
    }
}
