namespace SpmdDbrx.Engine.Placement;

/// <summary>Which ranks work on a token together: those of a host that hold the same weights in the same memory. They claim
/// pieces of attention and of the experts that are assigned to any of them as they go, so that none waits for a slower one.</summary>
public sealed class RankTeams
{
    private readonly int[] teamOfRank;
    private readonly int[] sizes;
    private readonly int[] experts; // [teams]: of the assignment in hand

    /// <param name="teamOfRank">A number per rank below the ranks', equal exactly for ranks of one team.</param>
    /// <param name="batch">Most tokens of a batch that a team works on together: with more of them, which share one pass over the weights, every rank runs what it is
    /// assigned.</param>
    public RankTeams(IReadOnlyList<int> teamOfRank, int batch)
    {
        this.teamOfRank = [.. teamOfRank];
        sizes = new int[this.teamOfRank.Length];
        experts = new int[this.teamOfRank.Length];
        foreach (int team in this.teamOfRank)
            sizes[team]++;
        Batch = batch;
    }

    /// <summary>Every rank is a team of its own.</summary>
    public static RankTeams None(int ranks) => new([.. Enumerable.Range(0, ranks)], batch: 0);

    /// <summary>Most tokens of a batch that a team works on together.</summary>
    public int Batch { get; }

    /// <summary>Teams, those of one rank included.</summary>
    public int Count => sizes.Count(size => size > 0);

    /// <summary>Ranks of all teams.</summary>
    public int Ranks => teamOfRank.Length;

    /// <summary>Whether there is a team of several ranks.</summary>
    public bool Any => Count < Ranks;

    /// <summary>Ranks of a rank's team.</summary>
    public int SizeOf(int rank) => sizes[teamOfRank[rank]];

    /// <summary>Whether a rank works on a batch with others.</summary>
    public bool WorkTogether(int rank, int tokens) => tokens <= Batch && SizeOf(rank) > 1;

    /// <summary>Whether two ranks are of one team.</summary>
    public bool AreTogether(int rank, int other) => teamOfRank[rank] == teamOfRank[other];

    /// <summary>Experts that the busiest rank runs of an assignment of a few tokens; what a team runs counts on its ranks in equal parts.</summary>
    public double Busiest(ExpertAssigner assigner)
    {
        Array.Clear(experts);
        for (int rank = 0; rank < teamOfRank.Length; rank++)
            experts[teamOfRank[rank]] += assigner.ExpertsRunBy(rank);
        double busiest = 0;
        for (int team = 0; team < sizes.Length; team++)
            busiest = Math.Max(busiest, sizes[team] == 0 ? 0 : (double)experts[team] / sizes[team]);
        return busiest;
    }
}
