using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Experts;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;

namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>Which experts each rank runs for every token and layer: assigned and topped up by the engine's own
/// <see cref="ExpertAssigner"/> and <see cref="SpareExperts"/>.</summary>
internal sealed class ExpertRuns
{
    private readonly RoutingTrace trace;
    private readonly ExpertPlacement placement;
    private readonly int[] assignedRank;       // [tokens · layers · topK]
    private readonly byte[] busiest;           // [tokens · layers]
    private readonly SpareExperts[] spares;    // [ranks]
    private readonly ExpertAssignments[] runs; // [ranks]

    public ExpertRuns(ModelShape model, Deployment deployment, RoutingTrace trace)
    {
        this.trace = trace;
        placement = deployment.Placement ?? ExpertPlacement.Contiguous(model.ExpertCount, deployment.RankCount);
        if (placement.ExpertCount != trace.ExpertCount || placement.RankCount != deployment.RankCount)
            throw new InvalidInputException(
                $"placement: expected {trace.ExpertCount} experts on {deployment.RankCount} ranks, found {placement.ExpertCount} on {placement.RankCount}");
        int layers = trace.TokenCount * trace.LayerCount;
        assignedRank = new int[layers * trace.TopK];
        busiest = new byte[layers];
        AssignAll();
        spares = new SpareExperts[placement.RankCount];
        runs = new ExpertAssignments[placement.RankCount];
        for (int rank = 0; rank < spares.Length; rank++)
        {
            int held = placement.ExpertsOf(rank).Length;
            int arrayCount = deployment.Strategy.Stacking == Stacking.Prestacked ? 1 : trace.LayerCount;
            spares[rank] = new SpareExperts(deployment.Strategy.Loading, arrayCount, held);
            runs[rank] = new ExpertAssignments(held, held + trace.TopK);
        }
    }

    /// <summary>Experts that a rank holds.</summary>
    public int HeldBy(int rank) => placement.ExpertsOf(rank).Length;

    /// <summary>What a rank runs; its group indices count the rank's experts. Valid until the rank's next call.</summary>
    public ExpertAssignments Of(int rank, int token, int layer)
    {
        ExpertAssignments result = runs[rank];
        result.Clear();
        int index = (token * trace.LayerCount) + layer;
        ReadOnlySpan<ushort> selected = trace.Experts(token, layer);
        for (int slot = 0; slot < selected.Length; slot++)
        {
            if (assignedRank[(index * selected.Length) + slot] != rank)
                continue;
            result.BeginExpert(placement.ExpertsOf(rank).BinarySearch((int)selected[slot]));
            result.Add(0, 0, 1);
        }
        spares[rank].Add(result, layer, busiest[index]);
        return result;
    }

    private void AssignAll()
    {
        ExpertAssigner assigner = new(placement, pairsPerUnit: 1);
        int[] experts = new int[trace.TopK];
        for (int index = 0; index < busiest.Length; index++)
        {
            ReadOnlySpan<ushort> selected = trace.Experts(index / trace.LayerCount, index % trace.LayerCount);
            for (int slot = 0; slot < experts.Length; slot++)
                experts[slot] = selected[slot];
            assigner.Assign(experts, assignedRank.AsSpan(index * experts.Length, experts.Length));
            busiest[index] = (byte)assigner.MaxExperts;
        }
    }
}
