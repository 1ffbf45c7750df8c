using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Weights;

namespace SpmdDbrx.Engine.Experts;

/// <summary>Runs this rank's part of a layer's experts: decides who computes what, identically on every rank, and hands the device its share.</summary>
public sealed class ExpertLayer
{
    private readonly IDevice device;
    private readonly ExpertShare share;
    private readonly ExpertAssigner? assigner;
    private readonly RankTeams teams;
    private readonly SpareExperts spares;
    private readonly ExpertAssignments assignments;
    private readonly int rank;
    private readonly bool keepOutputsApart;
    private readonly int[] assignedRanks;

    /// <param name="device">Runs the experts.</param>
    /// <param name="share">What this rank holds.</param>
    /// <param name="assigner">Which rank runs which selected expert; null = every rank runs its slice of all of them.</param>
    /// <param name="teams">Which ranks run together what is assigned to them.</param>
    /// <param name="spares">Which unselected experts run too.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="tokenCapacity">Largest batch.</param>
    /// <param name="topK">Experts of a token.</param>
    /// <param name="keepOutputsApart">One output row per token and gate, for deterministic addition.</param>
    public ExpertLayer(
        IDevice device, ExpertShare share, ExpertAssigner? assigner, RankTeams teams, SpareExperts spares, int rank, int tokenCapacity, int topK,
        bool keepOutputsApart)
    {
        this.device = device;
        this.share = share;
        this.assigner = assigner;
        this.teams = teams;
        this.spares = spares;
        this.rank = rank;
        this.keepOutputsApart = keepOutputsApart;
        assignments = new ExpertAssignments(share.Experts.Count, (tokenCapacity * topK) + share.Experts.Count);
        assignedRanks = new int[tokenCapacity * topK];
    }

    /// <summary>What has run so far.</summary>
    public ExpertCounters Counters { get; } = new();

    /// <summary>Starts output = this rank's weighted expert outputs, 0 where other ranks compute; <see cref="IDevice.Wait"/> ends it.</summary>
    /// <param name="layer">Weights.</param>
    /// <param name="index">The layer.</param>
    /// <param name="routing">The router's choice.</param>
    /// <param name="input">[tokens, D].</param>
    /// <param name="output">[tokens, D], or [tokens · topK, D] with outputs kept apart.</param>
    public void Start(LayerWeights layer, int index, Routing routing, Activations input, Activations output)
    {
        ReadOnlySpan<int> chosen = routing.Experts;
        Span<int> ranks = assignedRanks.AsSpan(0, chosen.Length);
        ranks.Fill(rank);
        assigner?.Assign(chosen, ranks);
        bool shared = teams.WorkTogether(rank, routing.TokenCount);
        FillAssignments(routing, ranks, shared);
        double busiest = BusiestRank(routing.TokenCount);
        if (!shared)
            spares.Add(assignments, index, (int)busiest);
        double own = (double)assignments.ExpertCount / (shared ? teams.SizeOf(rank) : 1);
        Counters.Count(Math.Max(busiest, own), own);
        device.RunExperts(layer.Experts, assignments, input, output);
        device.Commit();
    }

    /// <summary>Selected experts of the busiest rank, the same on every rank; of slices what this one runs.</summary>
    private double BusiestRank(int tokens) =>
        assigner is null ? assignments.ExpertCount
        : tokens <= teams.Batch ? teams.Busiest(assigner)
        : assigner.MaxExperts;

    private void FillAssignments(Routing routing, ReadOnlySpan<int> ranks, bool shared)
    {
        ReadOnlySpan<int> chosen = routing.Experts;
        ReadOnlySpan<float> weights = routing.Weights;
        assignments.Clear(shared);
        for (int slot = 0; slot < share.Experts.Count; slot++)
        {
            int expert = share.Experts[slot];
            bool open = false;
            for (int choice = 0; choice < chosen.Length; choice++)
            {
                bool runsHere = shared ? teams.AreTogether(ranks[choice], rank) : ranks[choice] == rank;
                if (chosen[choice] != expert || !runsHere)
                    continue;
                if (!open)
                    assignments.BeginExpert(slot);
                open = true;
                int token = choice / routing.TopK;
                assignments.Add(token, keepOutputsApart ? choice : token, weights[choice]);
            }
        }
    }
}
