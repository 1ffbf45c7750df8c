using System.Globalization;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance;

/// <summary>The terms of one generated token.</summary>
internal sealed class DecodeTerms
{
    private const double FlopPerWeight = 2;

    private readonly ModelShape model;
    private readonly Network network;
    private readonly Software software;
    private readonly Deployment deployment;
    private readonly ExpertLoad load;
    private readonly int contextTokens;
    private readonly double bytesPerSecond;
    private readonly double aloneBytesPerSecond;
    private readonly double flopPerSecond;
    private readonly List<Term> terms = [];

    public DecodeTerms(ModelShape model, Hardware hardware, Network network, Software software, Deployment deployment, ExpertLoad load, int contextTokens)
    {
        this.model = model;
        this.network = network;
        this.software = software;
        this.deployment = deployment;
        this.load = load;
        this.contextTokens = contextTokens;
        bytesPerSecond = hardware.MemoryBytesPerSecond.Value * software.BandwidthFraction.Value / deployment.RanksOnNode;
        aloneBytesPerSecond = Math.Max(bytesPerSecond, (hardware.AloneBytesPerSecond?.Value ?? 0) * software.BandwidthFraction.Value);
        flopPerSecond = hardware.FlopPerSecond.Value / deployment.RanksOnNode;
    }

    /// <summary>Experts that the rank whose time is counted runs in a layer.</summary>
    public double ExpertsRun => deployment.Strategy.Loading switch
    {
        Loading.OnDemand => load.Mean,
        Loading.BusyFull => load.Held,
        _ => load.Busiest,
    };

    private bool IsCentralized => deployment.Strategy.Topology == Topology.Centralized && deployment.RankCount > 1;

    private int CommunicationsPerLayer =>
        deployment.RankCount == 1 ? 0 : IsCentralized || deployment.SplitsAttention ? 2 : 1;

    private double ExpertBytes => model.ExpertWeights * deployment.Weights.ExpertBits / 8;

    private double AttentionShare => deployment.SplitsAttention ? 1.0 / deployment.RankCount : deployment.AttentionShare;

    private double LmHeadBytes => model.LmHeadWeights * deployment.LmHeadShare * deployment.Weights.OtherBits / 8;

    private double AttentionBytes => model.AttentionWeights * deployment.Weights.AttentionBits / 8 * AttentionShare;

    /// <summary>All terms, those of memory that has to be wired again last: they depend on how long a token takes.</summary>
    public List<Term> All()
    {
        AddMemory();
        AddHandOvers();
        AddCommunication();
        if (software.UnwireAfterSeconds is not null)
            AddRewiring(software.UnwireAfterSeconds.Value.Value, software.RewireBytesPerSecond!.Value.Value);
        return terms;
    }

    private void AddMemory()
    {
        int layers = model.LayerCount;
        AddRead("attention weights", TermGroup.Misc, layers, AttentionBytes, model.AttentionWeights * AttentionShare);
        AddRead("router", TermGroup.Misc, layers, model.RouterWeights * deployment.Weights.OtherBits / 8, model.RouterWeights);
        double cacheBytes = 2 * model.KvDim * contextTokens * software.KvBytesPerValue.Value * AttentionShare;
        // Each query head meets every key and every value with one multiply-add a feature.
        double cacheProducts = 2.0 * model.HeadCount * model.HeadDim * contextTokens * AttentionShare;
        AddRead("KV cache", TermGroup.Misc, layers, cacheBytes, cacheProducts);
        AddRead("LM head", TermGroup.Misc, 1, LmHeadBytes, model.LmHeadWeights * deployment.LmHeadShare);
        AddRead($"expert weights, {Text(ExpertsRun)} a layer", TermGroup.Moe, layers, ExpertsRun * ExpertBytes, ExpertsRun * model.ExpertWeights);
    }

    private void AddRead(string name, TermGroup group, int times, double bytes, double weights)
    {
        double reading = bytes / bytesPerSecond;
        double computing = FlopPerWeight * weights / flopPerSecond;
        string formula = reading >= computing
            ? $"{times} × {Text(bytes / 1e6)} MB ÷ {Text(bytesPerSecond / 1e9)} GB/s"
            : $"{times} × {Text(FlopPerWeight * weights / 1e6)} MFLOP ÷ {Text(flopPerSecond / 1e12)} TFLOP/s";
        terms.Add(new Term(name, group, times * Math.Max(reading, computing), formula));
    }

    /// <summary>The experts are one launch; around every communication the processor's result goes to the host and the host's back to the processor.</summary>
    private void AddHandOvers()
    {
        double handOver = software.HandOverSeconds.Value;
        int around = Math.Max(1, 2 * CommunicationsPerLayer);
        AddPerLayer("launching experts", TermGroup.Moe, handOver, $"1 hand-over of {Microseconds(handOver)}");
        AddPerLayer("hand-overs around communication", TermGroup.Misc, around * handOver, $"{around} hand-overs of {Microseconds(handOver)}");
    }

    private void AddCommunication()
    {
        if (deployment.RankCount == 1)
            return;
        if (IsCentralized)
            AddRequests();
        else
            AddAllReduces();
        if (deployment.Strategy.Loading == Loading.OnDemand && load.Busiest > load.Mean)
        {
            AddPerLayer("waiting for the busiest rank", TermGroup.Communication, WaitingSeconds(), $"{Text(load.Busiest)} − {Text(load.Mean)} experts");
        }
    }

    /// <summary>How much longer the busiest rank reads than the mean; where ranks share memory, it has that to itself once the others are done, but not as part of a team,
    /// whose ranks read to the end.</summary>
    /// <remarks>Exact for two ranks: the other one runs 2 · mean − busiest experts.</remarks>
    private double WaitingSeconds()
    {
        if (deployment.HasTeams)
            return (load.Busiest - load.Mean) * ExpertBytes / bytesPerSecond;
        double together = Math.Max(0, (2 * load.Mean) - load.Busiest);
        return ((load.Busiest - together) * ExpertBytes / aloneBytesPerSecond) - ((load.Mean - together) * ExpertBytes / bytesPerSecond);
    }

    private void AddAllReduces()
    {
        double outputs = software.ExchangesExpertOutputs ? model.TopK : 1;
        double vectorBytes = outputs * model.HiddenDim * software.BytesPerValue.Value;
        double receivedBytes = software.ExchangesExpertOutputs ? vectorBytes : vectorBytes * (deployment.RankCount - 1);
        AllReduceCost cost = AllReduceCost.Of(
            software.AllReduce, deployment.RankCount, vectorBytes, receivedBytes, network, software.MessageSeconds.Value);
        AddPerLayer("all-reduce latency", TermGroup.Communication, CommunicationsPerLayer * cost.LatencySeconds, Times(CommunicationsPerLayer, cost.Formula));
        AddPerLayer("all-reduce transfer", TermGroup.Communication, CommunicationsPerLayer * cost.TransferSeconds,
            $"{Text(vectorBytes / 1024)} KiB at {Text(network.BytesPerSecond.Value / 1e9)} GB/s");
    }

    /// <summary>Rank 0 sends the input to every worker and gathers the outputs, one request each way a layer.</summary>
    private void AddRequests()
    {
        double latencies = CommunicationsPerLayer * software.LatenciesPerRequest.Value;
        double messages = CommunicationsPerLayer * (deployment.RankCount - 2);
        double latency = (latencies * network.LatencySeconds.Value) + (messages * software.MessageSeconds.Value);
        AddPerLayer("requests to workers", TermGroup.Communication, latency, $"{Text(latencies)} latencies + {Text(messages)} further messages");
        double bytes = (deployment.RankCount - 1 + model.TopK) * model.HiddenDim * software.BytesPerValue.Value;
        AddPerLayer("inputs and outputs", TermGroup.Communication, bytes / network.BytesPerSecond.Value,
            $"{Text(bytes / 1024)} KiB at {Text(network.BytesPerSecond.Value / 1e9)} GB/s");
    }

    /// <summary>Memory that lies unused for too long is unwired and costs again when used ([P1] §3.2, Figure 4).</summary>
    private void AddRewiring(double deadlineSeconds, double rewireBytesPerSecond)
    {
        double tokenSeconds = terms.Sum(term => term.Seconds);
        double expertUses = deployment.Strategy.Loading == Loading.BusyFull ? 1 : ExpertsRun / load.Held;
        double expertIdle = deployment.Strategy.Stacking == Stacking.Prestacked
            ? tokenSeconds / model.LayerCount / expertUses
            : tokenSeconds / expertUses;
        if (expertIdle > deadlineSeconds)
        {
            double arrayBytes = ExpertBytes * (deployment.Strategy.Stacking == Stacking.Prestacked ? model.LayerCount : 1);
            double perExpert = arrayBytes / rewireBytesPerSecond;
            AddPerLayer("wiring experts again", TermGroup.Moe, ExpertsRun * perExpert,
                $"used every {Text(expertIdle)} s; {Text(ExpertsRun)} experts at {Text(rewireBytesPerSecond / 1e9)} GB/s");
            double waitedFor = deployment.Strategy.Loading == Loading.OnDemand ? load.Busiest - load.Mean : 0;
            AddPerLayer("waiting while the busiest rank wires", TermGroup.Communication, waitedFor * perExpert, $"{Text(waitedFor)} experts");
        }
        double attentionIdle = terms.Sum(term => term.Seconds);
        if (attentionIdle > deadlineSeconds)
        {
            double bytes = (model.LayerCount * AttentionBytes) + LmHeadBytes;
            terms.Add(new Term("wiring attention and LM head again", TermGroup.Misc, bytes / rewireBytesPerSecond,
                $"used every {Text(attentionIdle)} s; {Text(bytes / 1e9)} GB at {Text(rewireBytesPerSecond / 1e9)} GB/s"));
        }
    }

    private void AddPerLayer(string name, TermGroup group, double secondsPerLayer, string formula) =>
        terms.Add(new Term(name, group, model.LayerCount * secondsPerLayer, $"{model.LayerCount} × {formula}"));

    private static string Times(int count, string what) => count == 1 ? what : $"{count} × {what}";

    private static string Microseconds(double seconds) => $"{Text(seconds * 1e6)} µs";

    private static string Text(double value) => value.ToString(value >= 1000 ? "F0" : "0.###", CultureInfo.InvariantCulture);
}
