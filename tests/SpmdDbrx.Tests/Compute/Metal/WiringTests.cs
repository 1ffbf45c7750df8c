using SpmdDbrx.Engine.Session;
using Xunit;
using Xunit.Abstractions;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The papers' story of driver processing, counted on the emulator's virtual clock: how often the driver wires weights again while decoding.</summary>
/// <remarks>One of two nodes: 8 experts of 40 layers, two of them chosen a hundredth as often as the others. A layer takes what
/// the paper measured ([P1] Table 4): 21 ms naive, 12 ms busy full, 4 ms router-aided. The emulated driver unwires after 600 ms.</remarks>
[Collection(MetalCollection.Name)]
public sealed class WiringTests(ITestOutputHelper output)
{
    private const int LayerCount = 40;
    private const int Tokens = 12;

    [SkippableFact]
    public void NaiveLoading_UnstackedWeights_RewiresEveryMatrixItUses()
    {
        double perToken = RewiringsPerToken(Loading.OnDemand, layerMilliseconds: 21, prestacked: false, residencySets: false, out double matricesPerToken);
        Assert.True(matricesPerToken > 100, $"only {matricesPerToken} matrices a token");
        Assert.Equal(matricesPerToken, perToken);
    }

    [SkippableFact]
    public void RouterAidedLoading_UnstackedWeights_StillRewires()
    {
        double perToken = RewiringsPerToken(Loading.RouterAided, layerMilliseconds: 21, prestacked: false, residencySets: false, out double matricesPerToken);
        Assert.InRange(perToken, matricesPerToken / 2, matricesPerToken);
    }

    [SkippableFact]
    public void OnDemandLoading_PrestackedWeights_RewiresRarelyChosenExperts()
    {
        double perToken = RewiringsPerToken(Loading.OnDemand, layerMilliseconds: 4, prestacked: true, residencySets: false, out _);
        Assert.InRange(perToken, 0.05, 2);
    }

    [SkippableTheory]
    [InlineData(Loading.BusyFull, 12)]
    [InlineData(Loading.RouterAided, 4)]
    public void KeepingExpertsBusy_PrestackedWeights_RewiresNothing(Loading loading, int layerMilliseconds) =>
        Assert.Equal(0, RewiringsPerToken(loading, layerMilliseconds, prestacked: true, residencySets: false, out _));

    [SkippableFact]
    public void ResidencySets_OnDemandUnstackedWeights_RewireNothing() =>
        Assert.Equal(0, RewiringsPerToken(Loading.OnDemand, layerMilliseconds: 21, prestacked: false, residencySets: true, out _));

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

    private double RewiringsPerToken(Loading loading, int layerMilliseconds, bool prestacked, bool residencySets, out double matricesPerToken)
    {
        using WiringScenario scenario = new(LayerCount, prestacked, residencySets);
        scenario.Standby();
        scenario.Decode(loading, 4, layerMilliseconds);  // what the standby left behind is not the strategy's doing
        (long wirings, long matrices) = (scenario.Wirings, scenario.MatricesUsed);
        scenario.Decode(loading, Tokens, layerMilliseconds);
        matricesPerToken = (scenario.MatricesUsed - matrices) / (double)Tokens;
        double perToken = (scenario.Wirings - wirings) / (double)Tokens;
        output.WriteLine($"{loading}, {(prestacked ? "prestacked" : "unstacked")}{(residencySets ? ", residency sets" : "")}: {perToken:0.00} re-wirings a token, {matricesPerToken:0} matrices used");
        return perToken;
    }
}
