using System.Numerics;

namespace SpmdDbrx.Engine.Placement;

/// <summary>E of Eq. 1: the mean over selections of the experts that the busiest rank runs under the best assignment; what a team of ranks runs together counts on its ranks in equal
/// parts.</summary>
/// <param name="Mean">Experts.</param>
/// <param name="StandardError">Of the mean where the selections are a sample; 0 where they are all there are.</param>
public readonly record struct ExpectedMaxLoad(double Mean, double StandardError)
{
    /// <summary>Ranks that fit the bit masks; more are evaluated by <see cref="ExpertAssigner"/>, which is slower and as exact.</summary>
    internal const int MaskedRanks = 64;

    /// <summary>Evaluates a placement, exactly for the given selections.</summary>
    /// <param name="placement">Who holds what.</param>
    /// <param name="routing">The selections.</param>
    /// <param name="teams">Which ranks run together what is assigned to them; null = none.</param>
    public static ExpectedMaxLoad Of(ExpertPlacement placement, RoutingDistribution routing, RankTeams? teams = null)
    {
        if (placement.ExpertCount != routing.ExpertCount)
            throw new InvalidInputException($"experts: the placement has {placement.ExpertCount}, the routing {routing.ExpertCount}");
        teams ??= RankTeams.None(placement.RankCount);
        Func<int, double> maxLoad = placement.RankCount <= MaskedRanks && !teams.Any ? ByMasks(placement, routing) : ByAssignment(placement, routing, teams);
        double sum = 0;
        double sumOfSquares = 0;
        for (int index = 0; index < routing.Count; index++)
        {
            double load = maxLoad(index);
            sum += load * routing.Weight(index);
            sumOfSquares += load * load * routing.Weight(index);
        }
        double mean = sum / routing.TotalWeight;
        double variance = Math.Max(0, (sumOfSquares / routing.TotalWeight) - (mean * mean));
        return new ExpectedMaxLoad(mean, routing.IsSampled ? Math.Sqrt(variance / routing.TotalWeight) : 0);
    }

    /// <summary>Max load of the best assignment of one selection: the largest ⌈|S| / |ranks holding any of S|⌉ over its subsets S.</summary>
    /// <remarks>Hall's theorem for capacities: a load of m suffices exactly if no S has more than m experts per rank that holds any of them.</remarks>
    /// <param name="selected">Experts, at most 16.</param>
    /// <param name="ranksOfExpert">Per expert one bit for each rank that holds it.</param>
    internal static int OfSelection(ReadOnlySpan<ushort> selected, ReadOnlySpan<ulong> ranksOfExpert)
    {
        Span<ulong> holders = stackalloc ulong[1 << selected.Length];
        holders[0] = 0;
        int maxLoad = 1;
        for (int slot = 0; slot < selected.Length; slot++)
        {
            ulong ranks = ranksOfExpert[selected[slot]];
            int half = 1 << slot;
            for (int subset = 0; subset < half; subset++)
            {
                ulong union = holders[subset] | ranks;
                holders[half + subset] = union;
                int size = BitOperations.PopCount((uint)subset) + 1;
                while (size > maxLoad * BitOperations.PopCount(union))
                    maxLoad++;
            }
        }
        return maxLoad;
    }

    /// <summary>Per expert one bit for each rank that holds it.</summary>
    internal static ulong[] Masks(ExpertPlacement placement)
    {
        ulong[] masks = new ulong[placement.ExpertCount];
        for (int expert = 0; expert < masks.Length; expert++)
        {
            foreach (int rank in placement.RanksOf(expert))
                masks[expert] |= 1ul << rank;
        }
        return masks;
    }

    private static Func<int, double> ByMasks(ExpertPlacement placement, RoutingDistribution routing)
    {
        ulong[] masks = Masks(placement);
        return index => OfSelection(routing.Selection(index), masks);
    }

    private static Func<int, double> ByAssignment(ExpertPlacement placement, RoutingDistribution routing, RankTeams teams)
    {
        ExpertAssigner assigner = new(placement, pairsPerUnit: 1);
        int[] experts = new int[routing.TopK];
        int[] ranks = new int[routing.TopK];
        return index =>
        {
            ReadOnlySpan<ushort> selection = routing.Selection(index);
            for (int slot = 0; slot < experts.Length; slot++)
                experts[slot] = selection[slot];
            assigner.Assign(experts, ranks);
            return teams.Any ? teams.Busiest(assigner) : assigner.MaxExperts;
        };
    }
}
