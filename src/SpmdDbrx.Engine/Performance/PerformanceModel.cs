using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance;

/// <summary>Predicts speed, memory and cost of a deployment from sizes, bandwidths and latencies: Eq. 1 of [P1] with the terms it leaves out.</summary>
/// <remarks><see cref="LowerBound"/> is Eq. 1 itself. <see cref="PaperComparison"/> holds predictions against what [P1] measured.</remarks>
public static class PerformanceModel
{
    /// <summary>Predicts.</summary>
    /// <param name="model">Sizes.</param>
    /// <param name="hardware">One node; all are alike.</param>
    /// <param name="network">Between the ranks.</param>
    /// <param name="software">How far the program stays below the best.</param>
    /// <param name="deployment">How the model is spread.</param>
    /// <param name="workload">Prompt and context.</param>
    /// <exception cref="InvalidInputException">A deployment that cannot be, such as more ranks than experts without replicas.</exception>
    public static Prediction Predict(
        ModelShape model, Hardware hardware, Network network, Software software, Deployment deployment, Workload workload)
    {
        ExpertLoad load = deployment.LoadOf(model);
        DecodeTerms terms = new(model, hardware, network, software, deployment, load, workload.ContextTokens);
        List<Term> decode = terms.All();
        return new Prediction
        {
            Deployment = deployment,
            Terms = decode,
            ExpertsPerLayer = terms.ExpertsRun,
            PromptTokens = workload.PromptTokens,
            PromptSeconds = new PrefillTime(
                model, hardware, network, software, deployment, load, decode.Where(term => term.Group == TermGroup.Moe).Sum(term => term.Seconds)).Seconds(workload),
            MemoryBytesPerNode = MemoryBytesPerNode(model, software, deployment, load, workload),
            UsableMemoryBytes = hardware.UsableMemoryBytes.Value,
            Cost = Cost.Of(hardware, network, deployment.NodeCount, 1 / decode.Sum(term => term.Seconds)),
        };
    }

    /// <summary>Refuses a deployment that does not fit into memory.</summary>
    /// <exception cref="InvalidInputException">It does not fit.</exception>
    public static void RequireFit(Prediction prediction, ModelShape model, Hardware hardware)
    {
        if (!prediction.Fits)
        {
            string what = $"{model.Name} in {prediction.Deployment.Weights.Name} on {prediction.Deployment.NodeCount} of {hardware.Name}";
            throw new InvalidInputException(FormattableString.Invariant(
                $"nodes: {what} needs {prediction.MemoryBytesPerNode / Hardware.GibiByte:F1} GiB a node, usable_memory_gib is {prediction.UsableMemoryBytes / Hardware.GibiByte:F1}; ")
                + "use more nodes, fewer bits or fewer experts a node");
        }
    }

    /// <summary>Weights and caches on the fullest node, bytes.</summary>
    internal static double MemoryBytesPerNode(ModelShape model, Software software, Deployment deployment, ExpertLoad load, Workload workload)
    {
        bool sharesAttention = deployment.SplitsAttention;
        double attentionShare = sharesAttention ? (double)deployment.RanksOnNode / deployment.RankCount : 1;
        double attention = model.LayerCount * model.AttentionWeights * deployment.Weights.AttentionBits / 8 * attentionShare;
        double others = ((2 * model.LmHeadWeights) + (model.LayerCount * model.RouterWeights)) * deployment.Weights.OtherBits / 8;
        double experts = model.LayerCount * load.HeldByNode * model.ExpertWeights * deployment.Weights.ExpertBits / 8;
        double cachesOnNode = deployment.Strategy.Topology == Topology.Centralized ? 1 : sharesAttention ? attentionShare : deployment.RanksOnNode;
        double cache = model.LayerCount * 2 * model.KvDim * software.KvBytesPerValue.Value * workload.CacheTokens * cachesOnNode;
        return attention + others + experts + cache;
    }
}
