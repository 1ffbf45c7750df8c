using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance;

/// <summary>Time of a prompt, batch after batch: each part of one is bound by reading weights or by arithmetic, whichever takes longer.</summary>
internal sealed class PrefillTime
{
    private const double FlopPerWeight = 2;

    private readonly ModelShape model;
    private readonly Network network;
    private readonly Software software;
    private readonly Deployment deployment;
    private readonly ExpertLoad load;
    private readonly double decodeMoeSeconds;
    private readonly double bytesPerSecond;
    private readonly double flopPerSecond;

    /// <param name="model">Sizes.</param>
    /// <param name="hardware">One node.</param>
    /// <param name="network">Between the ranks.</param>
    /// <param name="software">How far the program stays below the best.</param>
    /// <param name="deployment">How the model is spread.</param>
    /// <param name="load">Experts that ranks run.</param>
    /// <param name="decodeMoeSeconds">Time of the experts for one token, for programs that do not batch them.</param>
    public PrefillTime(
        ModelShape model, Hardware hardware, Network network, Software software, Deployment deployment, ExpertLoad load, double decodeMoeSeconds)
    {
        this.model = model;
        this.network = network;
        this.software = software;
        this.deployment = deployment;
        this.load = load;
        this.decodeMoeSeconds = decodeMoeSeconds;
        bytesPerSecond = hardware.MemoryBytesPerSecond.Value * software.BandwidthFraction.Value / deployment.RanksOnNode;
        flopPerSecond = hardware.FlopPerSecond.Value * software.ComputeFraction.Value / deployment.RanksOnNode;
    }

    /// <summary>Seconds for the prompt of a workload.</summary>
    public double Seconds(Workload workload)
    {
        double seconds = model.LmHeadWeights * deployment.LmHeadShare * deployment.Weights.OtherBits / 8 / bytesPerSecond;
        for (int first = 0; first < workload.PromptTokens; first += workload.BatchTokens)
        {
            int tokens = Math.Min(workload.BatchTokens, workload.PromptTokens - first);
            seconds += model.LayerCount * LayerSeconds(tokens, workload.PromptDepth + first);
        }
        return seconds;
    }

    /// <summary>One layer for a batch.</summary>
    /// <param name="tokens">Tokens of the batch.</param>
    /// <param name="depth">Tokens in the cache before it.</param>
    private double LayerSeconds(int tokens, int depth)
    {
        double heads = deployment.SplitsAttention ? deployment.RankCount : 1;
        double attention = Longer(
            model.AttentionWeights * deployment.Weights.AttentionBits / 8 / heads, FlopPerWeight * model.AttentionWeights * tokens / heads);
        double keysSeen = ((double)tokens * depth) + (tokens * (tokens + 1.0) / 2);
        double scores = Longer(
            2 * model.KvDim * software.KvBytesPerValue.Value * ((double)depth + tokens) / heads,
            2 * FlopPerWeight * model.HeadCount * model.HeadDim * keysSeen / heads);
        double router = FlopPerWeight * model.RouterWeights * tokens / flopPerSecond;
        double experts = !software.BatchesPrefill ? tokens * decodeMoeSeconds / model.LayerCount : Longer(
            DistinctExperts(tokens) * model.ExpertWeights * deployment.Weights.ExpertBits / 8, FlopPerWeight * model.ExpertWeights * PairsOfBusiest(tokens));
        double handOvers = 3 * software.HandOverSeconds.Value;
        return attention + scores + router + experts + Communication(tokens) + handOvers;
    }

    private double Longer(double bytes, double flop) => Math.Max(bytes / bytesPerSecond, flop / flopPerSecond);

    /// <summary>Experts whose weights the busiest rank reads: of those it runs anyway, or of those that at least one token selects.</summary>
    private double DistinctExperts(int tokens)
    {
        if (deployment.Strategy.Loading == Loading.BusyFull)
            return load.Held;
        double selected = model.ExpertCount * (1 - Math.Pow(1 - ((double)model.TopK / model.ExpertCount), tokens));
        return Math.Max(selected / deployment.RankCount, Math.Min(load.Busiest, load.Held));
    }

    /// <summary>(token, expert) pairs of the busiest rank: an equal share, or more where it alone holds more than its share of the experts.</summary>
    private double PairsOfBusiest(int tokens)
    {
        double pairs = (double)tokens * model.TopK;
        bool balances = deployment.Partition == Partition.Slices || deployment.Placement is { HasReplicas: true };
        return balances ? pairs / deployment.RankCount : pairs * load.Held / model.ExpertCount;
    }

    private double Communication(int tokens)
    {
        if (deployment.RankCount == 1)
            return 0;
        double outputs = software.ExchangesExpertOutputs ? model.TopK : 1;
        double vectorBytes = outputs * tokens * model.HiddenDim * software.BytesPerValue.Value;
        if (deployment.Strategy.Topology == Topology.Centralized)
            return (2 * software.LatenciesPerRequest.Value * network.LatencySeconds.Value) + (2 * vectorBytes / network.BytesPerSecond.Value);
        double receivedBytes = software.ExchangesExpertOutputs ? vectorBytes : vectorBytes * (deployment.RankCount - 1);
        AllReduceCost cost = AllReduceCost.Of(
            software.AllReduce, deployment.RankCount, vectorBytes, receivedBytes, network, software.MessageSeconds.Value);
        return (deployment.SplitsAttention ? 2 : 1) * cost.Seconds;
    }
}
