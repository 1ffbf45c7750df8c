using System.Numerics;

namespace SpmdDbrx.Engine.Placement;

/// <summary>Finds a placement with a small E[max load] by simulated annealing from the ring, each step evaluated exactly on the given selections.</summary>
/// <remarks>A step lets one rank swap an expert for another (the first stays held elsewhere) or lets two ranks exchange experts. Only
/// selections with one of the two experts change, so only they are evaluated again. The same seed gives the same placement.</remarks>
public sealed class PlacementSearch
{
    private const int ProbeSteps = 200;
    private const double EndOverStartTemperature = 0.01;

    private readonly RoutingDistribution routing;
    private readonly Random random;
    private readonly ulong[] ranksOfExpert;
    private readonly List<int>[] expertsOfRank;
    private readonly int[][] selectionsWith;
    private readonly byte[] loads;
    private readonly byte[] newLoads;
    private readonly int[] changed;
    private readonly int[] stamps;
    private int changedCount;
    private int stamp;
    private long totalLoad;

    private PlacementSearch(RoutingDistribution routing, ExpertPlacement start, int seed)
    {
        this.routing = routing;
        random = new Random(seed);
        ranksOfExpert = ExpectedMaxLoad.Masks(start);
        expertsOfRank = [.. Enumerable.Range(0, start.RankCount).Select(rank => new List<int>(start.ExpertsOf(rank).ToArray()))];
        selectionsWith = IndexByExpert(routing);
        loads = new byte[routing.Count];
        newLoads = new byte[routing.Count];
        changed = new int[routing.Count];
        stamps = new int[routing.Count];
        for (int index = 0; index < routing.Count; index++)
        {
            loads[index] = (byte)ExpectedMaxLoad.OfSelection(routing.Selection(index), ranksOfExpert);
            totalLoad += loads[index] * routing.Weight(index);
        }
    }

    /// <summary>Searches.</summary>
    /// <param name="routing">What the placement is to be good for.</param>
    /// <param name="expertsPerRank">Experts that each rank has memory for.</param>
    /// <param name="seed">Of the random steps.</param>
    /// <param name="steps">Steps to try in each of <paramref name="restarts"/> rounds.</param>
    /// <param name="restarts">Rounds; the best result of all counts.</param>
    /// <exception cref="InvalidInputException">The ranks cannot hold all experts, or there are more than 64 ranks or 16 selected experts.</exception>
    public static ExpertPlacement Run(RoutingDistribution routing, IReadOnlyList<int> expertsPerRank, int seed, int steps = 10_000, int restarts = 4)
    {
        ExpertPlacement start = ExpertPlacement.Ring(routing.ExpertCount, expertsPerRank);
        if (start.RankCount > ExpectedMaxLoad.MaskedRanks)
            throw new InvalidInputException($"ranks: the search handles at most {ExpectedMaxLoad.MaskedRanks}, found {start.RankCount}; use the ring");
        if (routing.TopK > 16)
            throw new InvalidInputException($"top-k: the search handles at most 16, found {routing.TopK}; use the ring");
        ExpertPlacement best = start;
        long bestLoad = long.MaxValue;
        for (int round = 0; round < restarts; round++)
        {
            PlacementSearch search = new(routing, start, seed + round);
            (long load, ExpertPlacement placement) = search.Anneal(steps);
            if (load < bestLoad)
                (bestLoad, best) = (load, placement);
            if (bestLoad == search.LowerBound)
                break;
        }
        return best;
    }

    /// <summary>No assignment of k experts to N ranks has a max load below ⌈k/N⌉.</summary>
    private long LowerBound => (routing.TopK + expertsOfRank.Length - 1) / expertsOfRank.Length * routing.TotalWeight;

    private (long TotalLoad, ExpertPlacement Placement) Anneal(int steps)
    {
        long bestLoad = totalLoad;
        ExpertPlacement best = Snapshot();
        double temperature = TypicalChange();
        double cooling = Math.Pow(EndOverStartTemperature, 1.0 / steps);
        for (int step = 0; step < steps && bestLoad > LowerBound; step++, temperature *= cooling)
        {
            if (!TryStep(temperature) || totalLoad >= bestLoad)
                continue;
            bestLoad = totalLoad;
            best = Snapshot();
        }
        return (bestLoad, best);
    }

    /// <summary>Mean size of the changes of random steps from the start, all of them taken: where annealing begins.</summary>
    private double TypicalChange()
    {
        long sum = 0;
        for (int step = 0; step < ProbeSteps; step++)
        {
            long before = totalLoad;
            TryStep(double.PositiveInfinity);
            sum += Math.Abs(totalLoad - before);
        }
        return (double)Math.Max(1, sum) / ProbeSteps;
    }

    /// <summary>Tries one random step; false if it was not possible or not taken.</summary>
    private bool TryStep(double temperature)
    {
        int rank = random.Next(expertsOfRank.Length);
        int slot = random.Next(expertsOfRank[rank].Count);
        int expert = expertsOfRank[rank][slot];
        int other = random.Next(routing.ExpertCount);
        if ((ranksOfExpert[other] >> rank & 1) != 0)
            return false;
        ulong oldRanks = ranksOfExpert[expert];
        ulong oldOtherRanks = ranksOfExpert[other];
        int partner = random.Next(2) == 0 ? -1 : RankThatHoldsOnly(other, expert);
        if (partner < 0 && BitOperations.PopCount(oldRanks) == 1)
            return false;
        ulong moved = partner < 0 ? 0 : 1ul << partner;
        ranksOfExpert[expert] = oldRanks & ~(1ul << rank) | moved;
        ranksOfExpert[other] = (oldOtherRanks | 1ul << rank) & ~moved;
        long change = Reevaluate(expert, other);
        if (change > 0 && random.NextDouble() >= Math.Exp(-change / temperature))
        {
            ranksOfExpert[expert] = oldRanks;
            ranksOfExpert[other] = oldOtherRanks;
            return false;
        }
        Accept(change);
        expertsOfRank[rank][slot] = other;
        if (partner >= 0)
            expertsOfRank[partner][expertsOfRank[partner].IndexOf(other)] = expert;
        return true;
    }

    private int RankThatHoldsOnly(int held, int notHeld)
    {
        ulong ranks = ranksOfExpert[held] & ~ranksOfExpert[notHeld];
        for (int skip = ranks == 0 ? 0 : random.Next(BitOperations.PopCount(ranks)); skip > 0; skip--)
            ranks &= ranks - 1;
        return ranks == 0 ? -1 : BitOperations.TrailingZeroCount(ranks);
    }

    /// <summary>Loads of the selections that contain either expert, under the present masks; returns the change of the weighted sum.</summary>
    private long Reevaluate(int expert, int other)
    {
        stamp++;
        changedCount = 0;
        return Reevaluate(selectionsWith[expert]) + Reevaluate(selectionsWith[other]);
    }

    private long Reevaluate(int[] selections)
    {
        long change = 0;
        foreach (int index in selections)
        {
            if (stamps[index] == stamp)
                continue;
            stamps[index] = stamp;
            int load = ExpectedMaxLoad.OfSelection(routing.Selection(index), ranksOfExpert);
            if (load == loads[index])
                continue;
            newLoads[index] = (byte)load;
            changed[changedCount++] = index;
            change += (load - loads[index]) * routing.Weight(index);
        }
        return change;
    }

    private void Accept(long change)
    {
        totalLoad += change;
        foreach (int index in changed.AsSpan(0, changedCount))
            loads[index] = newLoads[index];
    }

    private ExpertPlacement Snapshot() => new(routing.ExpertCount, expertsOfRank);

    private static int[][] IndexByExpert(RoutingDistribution routing)
    {
        List<int>[] selections = [.. Enumerable.Range(0, routing.ExpertCount).Select(_ => new List<int>())];
        for (int index = 0; index < routing.Count; index++)
        {
            foreach (ushort expert in routing.Selection(index))
                selections[expert].Add(index);
        }
        return [.. selections.Select(indices => indices.ToArray())];
    }
}
