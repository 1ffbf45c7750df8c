namespace SpmdDbrx.Engine.Placement;

/// <summary>Gives every selected expert of a token, or of a batch of tokens, the rank that runs it. Allocates nothing after construction.</summary>
/// <remarks>
/// The result depends only on the placement and the selected experts, so ranks that route alike assign alike without a message.
/// For one token the busiest rank runs as few experts as any assignment allows (MECHANISMS §2). For a batch, the (token, expert)
/// pairs of an expert form units of <c>pairsPerUnit</c>, each run by one rank, and the busiest rank has as few units as possible:
/// reading an expert's weights costs about as much as computing that many pairs, so a rank is not given fewer without need.
/// Method: every expert goes whole to its least loaded holder, those with few holders first; then units move along shortest chains
/// rank → expert → rank from a busiest rank to one at least two units below, until there is none. That is optimal: all ranks
/// reachable from such a busiest rank then hold at least max − 1 units of experts that no other rank holds.
/// </remarks>
public sealed class ExpertAssigner
{
    private readonly ExpertPlacement placement;
    private readonly int pairsPerUnit;
    private readonly int[] holdingStart;   // [experts + 1]: first holding of each expert; a holding is an (expert, rank) pair of the placement
    private readonly int[] holdingRank;    // [holdings]
    private readonly int[] holdingUnits;   // [holdings]: units that the rank runs
    private readonly int[][] holdingsOfRank;
    private readonly int[] holdingExpert;  // [holdings]
    private readonly int[] pairs;          // [experts]: pairs of this call
    private readonly int[] order;          // [experts]: selected experts, hardest to place first
    private readonly int[] units;          // [ranks]
    private readonly int[] runs;           // [ranks]: different experts
    private readonly int[] cameFrom;       // [ranks]: holding that the search reached the rank through, or Unreached, or Source
    private readonly int[] cameTo;         // [ranks]: holding that the unit moves to on that step
    private readonly int[] queue;          // [ranks]
    private int selectedCount;

    private const int Unreached = -2;
    private const int Source = -1;

    /// <param name="placement">Who holds what.</param>
    /// <param name="pairsPerUnit">Pairs whose computation takes about as long as reading one expert's weights: the device's FLOP/s over its bytes/s
    /// (2 FLOP and 2 bytes a weight). 1 balances pairs exactly.</param>
    public ExpertAssigner(ExpertPlacement placement, int pairsPerUnit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pairsPerUnit, 1);
        this.placement = placement;
        this.pairsPerUnit = pairsPerUnit;
        holdingStart = new int[placement.ExpertCount + 1];
        for (int expert = 0; expert < placement.ExpertCount; expert++)
            holdingStart[expert + 1] = holdingStart[expert] + placement.RanksOf(expert).Length;
        int holdings = holdingStart[^1];
        holdingRank = new int[holdings];
        holdingUnits = new int[holdings];
        holdingExpert = new int[holdings];
        for (int expert = 0; expert < placement.ExpertCount; expert++)
        {
            placement.RanksOf(expert).CopyTo(holdingRank.AsSpan(holdingStart[expert]));
            holdingExpert.AsSpan(holdingStart[expert]..holdingStart[expert + 1]).Fill(expert);
        }
        holdingsOfRank = [.. Enumerable.Range(0, placement.RankCount)
            .Select(rank => Enumerable.Range(0, holdings).Where(holding => holdingRank[holding] == rank).ToArray())];
        pairs = new int[placement.ExpertCount];
        order = new int[placement.ExpertCount];
        units = new int[placement.RankCount];
        runs = new int[placement.RankCount];
        cameFrom = new int[placement.RankCount];
        cameTo = new int[placement.RankCount];
        queue = new int[placement.RankCount];
    }

    /// <summary>Different experts that the busiest rank runs after <see cref="Assign"/>; for one token the optimal max load, m of [P1] §4.2.</summary>
    public int MaxExperts { get; private set; }

    /// <summary>Different experts that a rank runs after <see cref="Assign"/>.</summary>
    public int ExpertsRunBy(int rank) => runs[rank];

    /// <summary>Assigns every (token, expert) pair.</summary>
    /// <param name="experts">Selected experts, [tokens · topK], any order; a token's are different.</param>
    /// <param name="ranks">Receives the rank of each pair, [tokens · topK].</param>
    public void Assign(ReadOnlySpan<int> experts, Span<int> ranks)
    {
        CountPairs(experts);
        OrderByDifficulty();
        PlaceWhole();
        Balance();
        CountRuns();
        HandOut(experts, ranks);
    }

    private void CountPairs(ReadOnlySpan<int> experts)
    {
        Array.Clear(pairs);
        Array.Clear(units);
        foreach (int expert in experts)
            pairs[expert]++;
        selectedCount = 0;
        for (int expert = 0; expert < pairs.Length; expert++)
        {
            if (pairs[expert] > 0)
                order[selectedCount++] = expert;
        }
    }

    /// <summary>Fewest holders first, then most units, then lowest index: an insertion sort, stable and without allocation.</summary>
    private void OrderByDifficulty()
    {
        for (int next = 1; next < selectedCount; next++)
        {
            int expert = order[next];
            int slot = next;
            for (; slot > 0 && IsHarder(expert, order[slot - 1]); slot--)
                order[slot] = order[slot - 1];
            order[slot] = expert;
        }
    }

    private bool IsHarder(int expert, int other)
    {
        int holders = placement.RanksOf(expert).Length;
        int otherHolders = placement.RanksOf(other).Length;
        return holders != otherHolders ? holders < otherHolders : UnitsOf(expert) > UnitsOf(other);
    }

    private int UnitsOf(int expert) => (pairs[expert] + pairsPerUnit - 1) / pairsPerUnit;

    private void PlaceWhole()
    {
        foreach (int expert in order.AsSpan(0, selectedCount))
        {
            int least = holdingStart[expert];
            for (int holding = least; holding < holdingStart[expert + 1]; holding++)
            {
                holdingUnits[holding] = 0;
                if (units[holdingRank[holding]] < units[holdingRank[least]])
                    least = holding;
            }
            holdingUnits[least] = UnitsOf(expert);
            units[holdingRank[least]] += UnitsOf(expert);
        }
    }

    private void Balance()
    {
        while (true)
        {
            int busiest = 0;
            for (int rank = 1; rank < units.Length; rank++)
            {
                if (units[rank] > units[busiest])
                    busiest = rank;
            }
            int target = FindTarget(busiest);
            if (target < 0)
                return;
            Shift(busiest, target);
        }
    }

    /// <summary>Breadth-first search for a rank at least two units below the busiest that units can move to; −1 = none.</summary>
    private int FindTarget(int busiest)
    {
        Array.Fill(cameFrom, Unreached);
        cameFrom[busiest] = Source;
        queue[0] = busiest;
        int queued = 1;
        for (int head = 0; head < queued; head++)
        {
            foreach (int holding in holdingsOfRank[queue[head]])
            {
                int expert = holdingExpert[holding];
                if (pairs[expert] == 0 || holdingUnits[holding] == 0)
                    continue;
                for (int other = holdingStart[expert]; other < holdingStart[expert + 1]; other++)
                {
                    int rank = holdingRank[other];
                    if (cameFrom[rank] != Unreached)
                        continue;
                    cameFrom[rank] = holding;
                    cameTo[rank] = other;
                    if (units[rank] <= units[busiest] - 2)
                        return rank;
                    queue[queued++] = rank;
                }
            }
        }
        return -1;
    }

    private void Shift(int busiest, int target)
    {
        int amount = (units[busiest] - units[target]) / 2;
        for (int rank = target; cameFrom[rank] != Source; rank = holdingRank[cameFrom[rank]])
            amount = Math.Min(amount, holdingUnits[cameFrom[rank]]);
        for (int rank = target; cameFrom[rank] != Source; rank = holdingRank[cameFrom[rank]])
        {
            holdingUnits[cameFrom[rank]] -= amount;
            holdingUnits[cameTo[rank]] += amount;
        }
        units[busiest] -= amount;
        units[target] += amount;
    }

    private void CountRuns()
    {
        Array.Clear(runs);
        MaxExperts = 0;
        foreach (int expert in order.AsSpan(0, selectedCount))
        {
            for (int holding = holdingStart[expert]; holding < holdingStart[expert + 1]; holding++)
            {
                if (holdingUnits[holding] > 0)
                    MaxExperts = Math.Max(MaxExperts, ++runs[holdingRank[holding]]);
            }
        }
    }

    /// <summary>An expert's pairs, in order of appearance, fill its holders' units in rank order.</summary>
    private void HandOut(ReadOnlySpan<int> experts, Span<int> ranks)
    {
        foreach (int expert in order.AsSpan(0, selectedCount))
            pairs[expert] = 0;
        for (int pair = 0; pair < experts.Length; pair++)
        {
            int expert = experts[pair];
            int unit = pairs[expert]++ / pairsPerUnit;
            int holding = holdingStart[expert];
            while (unit >= holdingUnits[holding])
                unit -= holdingUnits[holding++];
            ranks[pair] = holdingRank[holding];
        }
    }
}
