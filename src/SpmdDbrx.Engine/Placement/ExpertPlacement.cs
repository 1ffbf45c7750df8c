namespace SpmdDbrx.Engine.Placement;

/// <summary>Which ranks hold which experts, the same in every layer. Several ranks may hold an expert; every expert is held.</summary>
/// <remarks>MECHANISMS §2. <see cref="ExpertPlacementFile"/> reads and writes it, <see cref="PlacementSearch"/> finds good ones,
/// <see cref="ExpertAssigner"/> decides per token which holder runs a selected expert.</remarks>
public sealed class ExpertPlacement
{
    private readonly int[][] expertsOfRank;
    private readonly int[][] ranksOfExpert;

    /// <param name="expertCount">Experts of a layer.</param>
    /// <param name="expertsOfRank">Per rank the experts it holds, in any order.</param>
    /// <exception cref="InvalidInputException">A rank without experts, an expert twice on a rank, out of range or held by nobody.</exception>
    public ExpertPlacement(int expertCount, IReadOnlyList<IReadOnlyList<int>> expertsOfRank)
    {
        this.expertsOfRank = [.. expertsOfRank.Select(experts => experts.Order().ToArray())];
        List<int>[] holders = [.. Enumerable.Range(0, expertCount).Select(_ => new List<int>())];
        for (int rank = 0; rank < RankCount; rank++)
            AddHolder(holders, rank);
        int orphan = Array.FindIndex(holders, ranks => ranks.Count == 0);
        if (orphan >= 0)
            throw new InvalidInputException($"ranks: expert {orphan} is held by no rank; every expert needs at least one holder");
        ranksOfExpert = [.. holders.Select(ranks => ranks.ToArray())];
    }

    /// <summary>Experts of a layer.</summary>
    public int ExpertCount => ranksOfExpert.Length;

    /// <summary>Ranks.</summary>
    public int RankCount => expertsOfRank.Length;

    /// <summary>Experts that a rank holds, ascending.</summary>
    public ReadOnlySpan<int> ExpertsOf(int rank) => expertsOfRank[rank];

    /// <summary>Ranks that hold an expert, ascending.</summary>
    public ReadOnlySpan<int> RanksOf(int expert) => ranksOfExpert[expert];

    /// <summary>Whether any expert is held more than once.</summary>
    public bool HasReplicas => ranksOfExpert.Any(ranks => ranks.Length > 1);

    /// <summary>Rank r holds the experts from ⌊E·r/N⌋ to ⌊E·(r+1)/N⌋ − 1: each once, sizes that differ by at most one.</summary>
    /// <exception cref="InvalidInputException">More ranks than experts.</exception>
    public static ExpertPlacement Contiguous(int expertCount, int rankCount)
    {
        if (rankCount < 1 || rankCount > expertCount)
            throw new InvalidInputException(
                $"ranks: expected 1 to {expertCount} (a rank holds at least one of {expertCount} experts), found {rankCount}; "
                + "use slices or a placement with replicas for more ranks");
        return Build(expertCount, rankCount, rank =>
        {
            int first = Share(expertCount, rank, rankCount);
            return Enumerable.Range(first, Share(expertCount, rank + 1, rankCount) - first);
        });
    }

    /// <summary>Rank r holds K consecutive experts (modulo E) from ⌊E·r/N⌋.</summary>
    /// <exception cref="InvalidInputException">The ranks cannot hold all experts.</exception>
    public static ExpertPlacement Ring(int expertCount, int rankCount, int expertsPerRank) =>
        Ring(expertCount, [.. Enumerable.Repeat(expertsPerRank, Math.Max(0, rankCount))]);

    /// <summary>The ring for unequal memory: rank r holds its number of consecutive experts from ⌊E·(slots before r)/(all slots)⌋.</summary>
    /// <param name="expertCount">E.</param>
    /// <param name="expertsPerRank">Experts that each rank has memory for; more than E count as E.</param>
    /// <exception cref="InvalidInputException">The ranks cannot hold all experts.</exception>
    public static ExpertPlacement Ring(int expertCount, IReadOnlyList<int> expertsPerRank)
    {
        int[] slots = UsableSlots(expertCount, expertsPerRank);
        int slotsBefore = 0;
        int allSlots = slots.Sum();
        return Build(expertCount, slots.Length, rank =>
        {
            int first = Share(expertCount, slotsBefore, allSlots);
            slotsBefore += slots[rank];
            return Enumerable.Range(first, slots[rank]).Select(expert => expert % expertCount);
        });
    }

    /// <summary>The experts in G contiguous groups; rank r holds group ⌊G·r/N⌋. G = 2 is [P1]'s AB, AAB (or ABB), AABB, AAABBB, 4A+4B.</summary>
    /// <exception cref="InvalidInputException">Not 1 ≤ G ≤ min(N, E).</exception>
    public static ExpertPlacement ReplicatedGroups(int expertCount, int rankCount, int groupCount)
    {
        if (groupCount < 1 || groupCount > Math.Min(rankCount, expertCount))
            throw new InvalidInputException($"groups: expected 1 to {Math.Min(rankCount, expertCount)} (ranks and experts are at least as many), found {groupCount}");
        return Build(expertCount, rankCount, rank =>
        {
            int group = Share(groupCount, rank, rankCount);
            int first = Share(expertCount, group, groupCount);
            return Enumerable.Range(first, Share(expertCount, group + 1, groupCount) - first);
        });
    }

    /// <summary>Every rank also holds what the other ranks of its host hold: they map the same files, so it costs no memory.</summary>
    /// <param name="hostOfRank">A number per rank, equal exactly for ranks of one host.</param>
    public ExpertPlacement SharedWithinHosts(IReadOnlyList<int> hostOfRank)
    {
        if (hostOfRank.Count != RankCount)
            throw new ArgumentException($"hosts: expected one per rank ({RankCount}), found {hostOfRank.Count}", nameof(hostOfRank));
        return Build(ExpertCount, RankCount, rank => Enumerable.Range(0, RankCount)
            .Where(other => hostOfRank[other] == hostOfRank[rank])
            .SelectMany(other => expertsOfRank[other])
            .Distinct());
    }

    /// <summary>Experts a rank can use of those it has memory for.</summary>
    /// <exception cref="InvalidInputException">A rank without memory for one expert, or too little memory in all.</exception>
    internal static int[] UsableSlots(int expertCount, IReadOnlyList<int> expertsPerRank)
    {
        if (expertsPerRank.Count == 0)
            throw new InvalidInputException("ranks: expected at least one, found none");
        for (int rank = 0; rank < expertsPerRank.Count; rank++)
        {
            if (expertsPerRank[rank] < 1)
                throw new InvalidInputException($"experts per rank: rank {rank}: expected at least 1, found {expertsPerRank[rank]}");
        }
        int[] slots = [.. expertsPerRank.Select(count => Math.Min(count, expertCount))];
        if (slots.Sum() < expertCount)
            throw new InvalidInputException(
                $"experts per rank: {(slots.Length == 1 ? "1 rank holds" : $"{slots.Length} ranks hold")} {slots.Sum()} experts together, fewer than the model's {expertCount}; add ranks or memory");
        return slots;
    }

    private static ExpertPlacement Build(int expertCount, int rankCount, Func<int, IEnumerable<int>> expertsOfRank) =>
        new(expertCount, [.. Enumerable.Range(0, rankCount).Select(rank => expertsOfRank(rank).ToArray())]);

    private static int Share(int count, int part, int parts) => (int)((long)count * part / parts);

    private void AddHolder(List<int>[] holders, int rank)
    {
        if (expertsOfRank[rank].Length == 0)
            throw new InvalidInputException($"ranks[{rank}]: expected at least one expert, found none");
        foreach (int expert in expertsOfRank[rank])
        {
            if (expert < 0 || expert >= holders.Length)
                throw new InvalidInputException($"ranks[{rank}]: expected experts from 0 to {holders.Length - 1}, found {expert}");
            if (holders[expert].Contains(rank))
                throw new InvalidInputException($"ranks[{rank}]: expert {expert} is listed twice");
            holders[expert].Add(rank);
        }
    }
}
