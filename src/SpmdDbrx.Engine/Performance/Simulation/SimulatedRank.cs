using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>One rank of a simulation: how long its computations take, and where in the program it is.</summary>
internal sealed class SimulatedRank
{
    private readonly SimulationScenario scenario;
    private readonly ExpertRuns? experts;
    private readonly WiredMemory? wired;
    private readonly Random random;
    private readonly double secondsPerByte;
    private readonly double secondsPerFlop;
    private readonly int rank;

    public SimulatedRank(SimulationScenario scenario, ExpertRuns? experts, int rank)
    {
        this.scenario = scenario;
        this.experts = experts;
        this.rank = rank;
        random = new Random(unchecked((scenario.Seed * 1_000_003) + rank));
        Hardware hardware = scenario.Hardware.Count == 1 ? scenario.Hardware[0] : scenario.Hardware[rank];
        double slowdown = scenario.Stragglers.GetValueOrDefault(rank, 1) * scenario.Deployment.RanksOnNode;
        secondsPerByte = slowdown / (hardware.MemoryBytesPerSecond.Value * scenario.Software.BandwidthFraction.Value);
        secondsPerFlop = slowdown / hardware.FlopPerSecond.Value;
        if (experts is not null)
            wired = WiredMemory.Create(scenario.Software, scenario.Model, scenario.Deployment.Strategy.Stacking, experts.HeldBy(rank), ExpertBytes);
    }

    public int Token { get; set; }

    public int Layer { get; set; }

    /// <summary>Whether attention of this layer is done and its all-reduce, if any, too.</summary>
    public bool IsPastAttention { get; set; }

    /// <summary>All-reduces begun so far; the present one is Collective − 1.</summary>
    public int Collective { get; set; }

    public int Step { get; set; }

    /// <summary>When the rank's own messages of this step have left.</summary>
    public double SentAt { get; set; }

    public double CollectiveStart { get; set; }

    public double ComputeSeconds { get; private set; }

    public double CommunicationSeconds { get; set; }

    /// <summary>Experts run so far, spare ones included.</summary>
    public int LastExpertCount { get; private set; }

    public long Rewirings => wired?.Rewirings ?? 0;

    private double ExpertBytes => scenario.Model.ExpertWeights * scenario.Deployment.Weights.ExpertBits / 8;

    private int HandOversAroundCommunication =>
        scenario.Deployment.RankCount == 1 ? 1 : scenario.Deployment.SplitsAttention ? 4 : 2;

    /// <summary>Attention, router and cache of one layer.</summary>
    public double AttentionSeconds()
    {
        ModelShape model = scenario.Model;
        double share = scenario.Deployment.SplitsAttention ? 1.0 / scenario.Deployment.RankCount : 1;
        double seconds = Read(model.AttentionWeights * scenario.Deployment.Weights.AttentionBits / 8 * share, model.AttentionWeights * share)
            + Read(model.RouterWeights * scenario.Deployment.Weights.OtherBits / 8, model.RouterWeights)
            + Read(
                2 * model.KvDim * scenario.ContextTokens * scenario.Software.KvBytesPerValue.Value * share,
                2.0 * model.HeadCount * model.HeadDim * scenario.ContextTokens * share)
            + (HandOversAroundCommunication * scenario.Software.HandOverSeconds.Value);
        return Delayed(seconds);
    }

    /// <summary>This rank's experts of the present layer, wiring included.</summary>
    /// <param name="now">When they begin.</param>
    public double ExpertSeconds(double now)
    {
        double launch = scenario.Software.HandOverSeconds.Value;
        if (experts is null)
        {
            double slices = (double)scenario.Model.TopK / scenario.Deployment.RankCount;
            return Delayed(launch + Read(slices * ExpertBytes, slices * scenario.Model.ExpertWeights));
        }
        ExpertAssignments runs = experts.Of(rank, Token, Layer);
        LastExpertCount = runs.ExpertCount;
        double wiring = 0;
        for (int group = 0; group < runs.ExpertCount; group++)
            wiring += wired?.Use(Layer, runs.Expert(group), now + wiring) ?? 0;
        return Delayed(launch + wiring + Read(runs.ExpertCount * ExpertBytes, runs.ExpertCount * scenario.Model.ExpertWeights));
    }

    /// <summary>This rank's part of the LM head, once a token.</summary>
    public double LmHeadSeconds()
    {
        double weights = scenario.Model.LmHeadWeights * scenario.Deployment.LmHeadShare;
        return Delayed(Read(weights * scenario.Deployment.Weights.OtherBits / 8, weights));
    }

    /// <summary>A message's delay beyond the latency.</summary>
    public double MessageDelay() => scenario.LatencyJitterSeconds > 0 ? scenario.LatencyJitterSeconds * Exponential() : 0;

    private double Read(double bytes, double weights) => Math.Max(bytes * secondsPerByte, 2 * weights * secondsPerFlop);

    private double Delayed(double seconds)
    {
        double actual = scenario.ComputeJitter > 0 ? seconds * (1 + (scenario.ComputeJitter * Exponential())) : seconds;
        ComputeSeconds += actual;
        return actual;
    }

    private double Exponential() => -Math.Log(1 - random.NextDouble());
}
