using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Placement;

/// <summary>Which ranks map the same files: those of one host whose model directory has the same full path. What several of them map lies in
/// memory once, so that each may hold all that one of them holds.</summary>
public sealed class HostSharing
{
    private readonly int[] groupOfRank;
    private readonly int[] hostOfRank;
    private readonly bool[][] filesOfRank; // [rank][expert]

    /// <param name="groupOfRank">A number per rank, equal exactly for ranks that map the same files.</param>
    /// <param name="filesOfRank">Per rank and expert whether its files are there.</param>
    /// <param name="hostOfRank">A number per rank, equal exactly for ranks of one host; null = all ranks of a host map the same files.</param>
    public HostSharing(IReadOnlyList<int> groupOfRank, IReadOnlyList<IReadOnlyList<bool>> filesOfRank, IReadOnlyList<int>? hostOfRank = null)
    {
        this.hostOfRank = [.. hostOfRank ?? groupOfRank];
        this.groupOfRank = [.. groupOfRank];
        this.filesOfRank = [.. filesOfRank.Select(files => files.ToArray())];
    }

    /// <summary>Asks all ranks; every rank gets the same answer.</summary>
    /// <param name="world">All ranks; each must call this.</param>
    /// <param name="model">The model as this rank sees it; as many experts on all ranks.</param>
    public static HostSharing Find(Intracommunicator world, ModelDirectory model)
    {
        using Intracommunicator host = world.SplitByHost();
        Span<long> firstOfHost = [world.Rank];
        host.Broadcast(firstOfHost, 0);
        (long Host, long Directory)[] places = new (long, long)[world.Size];
        world.Allgather<(long, long)>([(firstOfHost[0], DirectoryHash(model.Path))], places);
        int experts = model.Config.ExpertCount;
        bool[] files = new bool[world.Size * experts];
        world.Allgather<bool>([.. Enumerable.Range(0, experts).Select(model.HasExpert)], files);
        return new HostSharing([.. places.Select(place => Array.IndexOf(places, place))], [.. files.Chunk(experts)], [.. places.Select(place => (int)place.Host)]);
    }

    /// <summary>A number per rank, equal exactly for ranks that map the same files.</summary>
    public IReadOnlyList<int> GroupOfRank => groupOfRank;

    /// <summary>A number per rank, equal exactly for ranks of one host.</summary>
    public IReadOnlyList<int> HostOfRank => hostOfRank;

    /// <summary>The job's hosts.</summary>
    public int HostCount => hostOfRank.Distinct().Count();

    /// <summary>Whether a rank has the files of an expert.</summary>
    public bool HasFiles(int rank, int expert) => filesOfRank[rank][expert];

    /// <summary>The placement in which every rank also holds what the others of its group hold. A group in which a file is missing anywhere
    /// stays as it is.</summary>
    public ExpertPlacement Share(ExpertPlacement placement)
    {
        int[] groups = [.. groupOfRank.Select((group, rank) => CanShare(placement, group) ? group : -1 - rank)];
        return placement.SharedWithinHosts(groups);
    }

    /// <summary>Ranks of a rank's group that hold an expert, ascending.</summary>
    /// <param name="rank">A rank that holds it.</param>
    /// <param name="placement">Who holds what; null = every rank a slice of all.</param>
    /// <param name="expert">The expert; null = what every rank holds.</param>
    public int[] HoldersBeside(int rank, ExpertPlacement? placement, int? expert)
    {
        IEnumerable<int> holders = placement is null || expert is null ? Enumerable.Range(0, groupOfRank.Length) : placement.RanksOf(expert.Value).ToArray();
        return [.. holders.Where(holder => groupOfRank[holder] == groupOfRank[rank])];
    }

    private bool CanShare(ExpertPlacement placement, int group)
    {
        int[] ranks = [.. Enumerable.Range(0, groupOfRank.Length).Where(rank => groupOfRank[rank] == group)];
        int[] experts = [.. ranks.SelectMany(rank => placement.ExpertsOf(rank).ToArray()).Distinct()];
        return ranks.All(rank => experts.All(expert => HasFiles(rank, expert)));
    }

    private static long DirectoryHash(string path)
    {
        string directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(directory)));
    }
}
