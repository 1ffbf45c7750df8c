using System.Globalization;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance.Choice;

/// <summary>Which strategy, partition and placement a job gets when its user names none: the usual one unless another is predicted clearly faster.</summary>
/// <remarks>Usual is p-lr-d with whole experts, shared by the ranks of a host where that is possible.</remarks>
public sealed class DeploymentChoice
{
    /// <summary>The prediction is only that exact: what is not so much faster does not displace the usual.</summary>
    public const double Margin = 0.10;

    private const double Tie = 0.01;
    private const int OthersNamed = 2;

    private DeploymentChoice(IReadOnlyList<Candidate> candidates, Candidate? usual)
    {
        Candidates = candidates;
        Usual = usual;
        Candidate? best = Best([.. candidates.Where(candidate => candidate.Obstacle is null)]);
        Chosen = best is not null && (usual is null || Displaces(best, usual)) ? best : usual;
    }

    /// <summary>Everything considered, what cannot be had included.</summary>
    public IReadOnlyList<Candidate> Candidates { get; }

    /// <summary>What runs unless something is clearly faster; null where there are more ranks than experts.</summary>
    public Candidate? Usual { get; }

    /// <summary>What is to run; null if nothing can.</summary>
    public Candidate? Chosen { get; }

    /// <summary>Predicts every alternative and chooses.</summary>
    /// <param name="job">What the job allows.</param>
    /// <param name="cluster">What its machines can do.</param>
    public static DeploymentChoice Make(JobConditions job, ClusterCalibration cluster)
    {
        Network network = cluster.Network ?? throw new ArgumentException("a single rank has nothing to choose", nameof(cluster));
        Candidate[] spreads =
        [
            // The engine does not split attention.
            .. Alternative.For(job.Shape, cluster.Hardware, network, cluster.Software, job.Common, job.Workload, sharesExperts: job.SharesExperts)
                .Where(alternative => !alternative.Prediction.Deployment.SplitsAttention)
                .Select(alternative => Consider(job, alternative, "p-lr-d")),
        ];
        Candidate? once = Array.Find(spreads, candidate => candidate.Alternative.Spread == Spread.EachOnce);
        Candidate? shared = Array.Find(spreads, candidate => candidate.Alternative.Spread == Spread.SharedOnNode);
        // A session does not share what it cannot map either.
        Candidate? usual = shared is not null && job.ObstacleTo(shared.Alternative.Prediction.Deployment) is null ? shared : once;
        List<Candidate> candidates = [.. spreads];
        if (usual is not null)
        {
            candidates.Add(WithStrategy("naive", usual, Topology.Centralized, Loading.OnDemand));
            candidates.Add(WithStrategy("p-lb", once!, Topology.Centralized, Loading.BusyFull));
        }
        return new DeploymentChoice(candidates, usual);

        Candidate WithStrategy(string name, Candidate like, Topology topology, Loading loading)
        {
            Deployment deployment = like.Alternative.Prediction.Deployment with { Strategy = new Strategy(job.Common.Strategy.Stacking, topology, loading) };
            Prediction prediction = PerformanceModel.Predict(job.Shape, cluster.Hardware, network, cluster.Software, deployment, job.Workload);
            return Consider(job, new Alternative(like.Alternative.Spread, prediction), name);
        }
    }

    /// <summary>What was chosen and why, in one line.</summary>
    public string Sentence()
    {
        if (Chosen is null)
            return $"nothing to choose: {string.Join("; ", Candidates.Select(candidate => $"{candidate.Alternative.Name}: {candidate.Obstacle}"))}";
        List<string> parts = [$"chose {Chosen}: {Speed(Chosen)} tok/s predicted"];
        if (Usual is not null && Chosen != Usual)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{Usual.Alternative.Name} {Speed(Usual)}{(Usual.Obstacle is { } why ? $", but {why}" : "")}"));
        Candidate[] others = [.. Candidates.Where(candidate => candidate != Chosen && candidate != Usual && candidate.StrategyName == Chosen.StrategyName)
            .OrderByDescending(candidate => candidate.TokensPerSecond)];
        parts.AddRange(others.Where(candidate => candidate.Obstacle is null).Take(OthersNamed).Select(candidate => $"{candidate.Alternative.Name} {Speed(candidate)}"));
        if (others.FirstOrDefault(IsClearlyFaster) is { } barred)
            parts.Add($"{barred.Alternative.Name} would reach {Speed(barred)}, but {barred.Obstacle}");
        else if (others.Any(candidate => candidate.Obstacle is null && candidate.TokensPerSecond > Chosen.TokensPerSecond))
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"less than {Margin:P0} more displaces nothing"));
        return string.Join("; ", parts);
    }

    /// <summary>The fastest; of those that are as fast, the one that takes least memory.</summary>
    private static Candidate? Best(Candidate[] possible)
    {
        double fastest = possible.Select(candidate => candidate.TokensPerSecond).DefaultIfEmpty().Max();
        return possible.Where(candidate => candidate.TokensPerSecond >= (1 - Tie) * fastest).MinBy(candidate => candidate.Alternative.Prediction.MemoryBytesPerNode);
    }

    /// <summary>A usual way that lacks files is not displaced: the user learns which, instead of a slower job.</summary>
    private static bool Displaces(Candidate best, Candidate usual) =>
        !usual.Alternative.Prediction.Fits || (usual.Obstacle is null && best.TokensPerSecond >= (1 + Margin) * usual.TokensPerSecond);

    private bool IsClearlyFaster(Candidate candidate) =>
        candidate.Obstacle is not null && candidate.TokensPerSecond >= (1 + Margin) * Chosen!.TokensPerSecond;

    private static Candidate Consider(JobConditions job, Alternative alternative, string strategyName)
    {
        string? obstacle = job.ObstacleTo(alternative.Prediction.Deployment);
        if (obstacle is null && !alternative.Prediction.Fits)
        {
            obstacle = string.Create(CultureInfo.InvariantCulture,
                $"it needs {alternative.Prediction.MemoryBytesPerNode / Hardware.GibiByte:F1} GiB a node, there are {alternative.Prediction.UsableMemoryBytes / Hardware.GibiByte:F1}");
        }
        return new Candidate(alternative, strategyName, obstacle);
    }

    private static string Speed(Candidate candidate) =>
        candidate.TokensPerSecond.ToString(candidate.TokensPerSecond < 100 ? "F1" : "F0", CultureInfo.InvariantCulture);
}
