using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance;

/// <summary>Time of a prompt that is processed in one batch: each part is bound by reading weights or by arithmetic, whichever takes longer.</summary>
internal static class PrefillTime
{
    /// <summary>Seconds for <paramref name="tokens"/> prompt tokens.</summary>
    /// <param name="model">Sizes.</param>
    /// <param name="hardware">One node.</param>
    /// <param name="network">Between the ranks.</param>
    /// <param name="software">How far the program stays below the best.</param>
    /// <param name="deployment">How the model is spread.</param>
    /// <param name="load">Experts that ranks run.</param>
    /// <param name="decodeMoeSeconds">Time of the experts for one token, for programs that do not batch them.</param>
    /// <param name="tokens">Prompt tokens.</param>
    public static double Seconds(
        ModelShape model, Hardware hardware, Network network, Software software, Deployment deployment, ExpertLoad load, double decodeMoeSeconds, int tokens)
    {
        double sharers = Math.Min(deployment.RankCount, deployment.RanksPerNode);
        double bytesPerSecond = hardware.MemoryBytesPerSecond.Value * software.BandwidthFraction.Value / sharers;
        double flopPerSecond = hardware.FlopPerSecond.Value * software.ComputeFraction.Value / sharers;
        double heads = deployment.SplitsAttention ? deployment.RankCount : 1;

        double attention = Math.Max(
            model.AttentionWeights * deployment.Weights.AttentionBits / 8 / heads / bytesPerSecond,
            2.0 * model.AttentionWeights * tokens / heads / flopPerSecond);
        double scores = 2.0 * model.HeadCount * model.HeadDim * tokens * ((double)tokens + 1) / heads / flopPerSecond;
        double router = 2.0 * model.RouterWeights * tokens / flopPerSecond;
        double experts = !software.BatchesPrefill ? tokens * decodeMoeSeconds / model.LayerCount : Math.Max(
            DistinctExperts(model, deployment, load, tokens) * model.ExpertWeights * deployment.Weights.ExpertBits / 8 / bytesPerSecond,
            2.0 * model.ExpertWeights * PairsOfBusiest(model, deployment, load, tokens) / flopPerSecond);
        double lmHead = model.LmHeadWeights * deployment.Weights.OtherBits / 8 / bytesPerSecond;
        double communication = CommunicationPerLayer(model, network, software, deployment, tokens);
        double handOvers = 3 * software.HandOverSeconds.Value;
        return (model.LayerCount * (attention + scores + router + experts + communication + handOvers)) + lmHead;
    }

    /// <summary>Experts whose weights the busiest rank reads: of those it runs anyway, or of those that at least one token selects.</summary>
    private static double DistinctExperts(ModelShape model, Deployment deployment, ExpertLoad load, int tokens)
    {
        if (deployment.Strategy.Loading == Loading.BusyFull)
            return load.Held;
        double selected = model.ExpertCount * (1 - Math.Pow(1 - ((double)model.TopK / model.ExpertCount), tokens));
        return Math.Max(selected / deployment.RankCount, Math.Min(load.Busiest, load.Held));
    }

    /// <summary>(token, expert) pairs of the busiest rank: an equal share, or more where it alone holds more than its share of the experts.</summary>
    private static double PairsOfBusiest(ModelShape model, Deployment deployment, ExpertLoad load, int tokens)
    {
        double pairs = (double)tokens * model.TopK;
        bool balances = deployment.Partition == Partition.Slices || deployment.Placement is { HasReplicas: true };
        return balances ? pairs / deployment.RankCount : pairs * load.Held / model.ExpertCount;
    }

    private static double CommunicationPerLayer(ModelShape model, Network network, Software software, Deployment deployment, int tokens)
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
