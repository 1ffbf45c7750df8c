using SpmdDbrx.Engine.Session;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The papers' story of driver processing, counted on the emulator's virtual clock: how often the driver wires weights again while decoding.</summary>
/// <remarks>One of two nodes: 8 experts of 40 layers, two of them chosen a hundredth as often as the others. A layer takes what
/// the paper measured ([P1] Table 4): 21 ms naive, 12 ms busy full, 4 ms router-aided. The emulated driver unwires after 600 ms.</remarks>
[Collection(MetalCollection.Name)]
public sealed class WiringTests
{
    private const int LayerCount = 40;
    private const int Tokens = 12;

    /// <summary>The table of native/metal/README.md. Clock and routing are the same in every run, so the numbers are exact.</summary>
    [SkippableTheory]
    [InlineData(Loading.OnDemand, false, false, 21, 208.75, 208.75)]      // naive: every matrix that is used
    [InlineData(Loading.RouterAided, false, false, 21, 324.25, 324.25)]   // spare experts do not help matrices of their own
    [InlineData(Loading.OnDemand, true, false, 4, 208.75, 2 / 12.0)]      // prestacked: experts that are rarely chosen
    [InlineData(Loading.BusyFull, true, false, 12, 960, 0)]
    [InlineData(Loading.RouterAided, true, false, 4, 324.25, 0)]
    [InlineData(Loading.OnDemand, false, true, 21, 208.75, 0)]            // residency sets keep even the naive weights
    public void Decode_OneOfTwoNodes_RewiresPerToken(
        Loading loading, bool prestacked, bool residencySets, int layerMilliseconds, double matricesPerToken, double rewiringsPerToken)
    {
        using WiringScenario scenario = new(LayerCount, prestacked, residencySets);
        scenario.Standby();
        scenario.Decode(loading, 4, layerMilliseconds);  // what the standby left behind is not the strategy's doing
        (long wirings, long matrices) = (scenario.Wirings, scenario.MatricesUsed);
        scenario.Decode(loading, Tokens, layerMilliseconds);
        Assert.Equal(matricesPerToken * Tokens, scenario.MatricesUsed - matrices, 6);
        Assert.Equal(rewiringsPerToken * Tokens, scenario.Wirings - wirings, 6);
    }

    [SkippableFact]
    public void Heartbeat_UserReturns_WiredForThreeMinutesThenNot()
    {
        using WiringScenario scenario = new(LayerCount, prestacked: true, residencySets: true);
        scenario.Standby();
        long before = scenario.Wirings;
        scenario.Device.Sleep(TimeSpan.FromSeconds(170));
        scenario.Standby();
        Assert.Equal(before, scenario.Wirings);
        scenario.Device.Sleep(TimeSpan.FromSeconds(190));
        scenario.Standby();
        Assert.True(scenario.Wirings >= before + 8, "idle weights stayed wired although the heartbeat ended");
    }
}
