using System.IO.Hashing;
using System.Text;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Weights;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Session;

/// <summary>The memory through which this rank works on a token together with others of its host, where it does.</summary>
internal sealed class TeamMemory : IDisposable
{
    private readonly IDevice device;
    private SharedMemory? memory;

    private TeamMemory(IDevice device, RankTeams teams, int rank, SharedMemory? memory)
    {
        this.device = device;
        this.memory = memory;
        Teams = teams;
        Bytes = memory is null ? 0 : memory.ByteLength / teams.SizeOf(rank);
    }

    /// <summary>Which ranks work together.</summary>
    public RankTeams Teams { get; }

    /// <summary>Bytes of the memory that count on this rank: it is there once for its team.</summary>
    public long Bytes { get; }

    /// <summary>Why this rank does not work with others of its host that all hold the same experts; null where it does, or where they do not.</summary>
    public string? Obstacle { get; private init; }

    /// <summary>Makes teams of all ranks that can: those of a host that hold the same experts in the same memory, on devices that cut work alike. A collective call.</summary>
    public static TeamMemory Open(SessionPlan plan, IDevice device, RankWeights weights)
    {
        Intracommunicator world = plan.World;
        if (!plan.TeamsUp)
            return new TeamMemory(device, RankTeams.None(world.Size), world.Rank, null);
        world.Activity.Begin("sharing its host's memory");
        int group = plan.Sharing.GroupOfRank[world.Rank];
        using Intracommunicator ranks = world.Split(group, world.Rank);
        SharedMemory? memory = null;
        try
        {
            (SharedWorkspace? workspace, string? obstacle) = TryShare(ranks, plan, device, weights, ref memory);
            int[] teamOfRank = new int[world.Size];
            world.Allgather<int>([workspace is null ? world.Rank : group], teamOfRank);
            if (workspace is not null)
                device.Share(workspace);
            return new TeamMemory(device, new RankTeams(teamOfRank, BatchOf(plan, device)), world.Rank, memory) { Obstacle = obstacle };
        }
        catch
        {
            memory?.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (memory is null)
            return;
        device.Share(null);
        memory.Dispose();
        memory = null;
    }

    /// <summary>Most tokens of a batch whose experts devices can run together.</summary>
    private static int BatchOf(SessionPlan plan, IDevice device) => Math.Min(device.SharedBatch, device.SharedAssignments / plan.Model.Config.TopK);

    private static (SharedWorkspace? Workspace, string? Obstacle) TryShare(
        Intracommunicator ranks, SessionPlan plan, IDevice device, RankWeights weights, ref SharedMemory? memory)
    {
        int batch = BatchOf(plan, device);
        long productBytes = batch == 0 ? 0 : LargestProductBytes(plan, device, weights, batch);
        long expertBytes = batch == 0 ? 0 : weights.Layers.Max(layer => device.SharedExpertBytes(layer.Experts[0]));
        bool holdSame = AreSame(ranks, string.Join(',', plan.Share.Experts));
        bool workAlike = AreSame(ranks, $"{device.Description}, {batch} tokens, {productBytes} and {expertBytes} bytes");
        if (ranks.Size == 1 || !holdSame)
            return (null, null);
        if (!workAlike)
            return (null, "their devices or threads differ");
        if (batch == 0)
            return (null, null);
        long bytes = SharedWorkspace.BytesFor(productBytes, expertBytes);
        memory = SharedMemory.TryCreate(ranks, bytes);
        return memory is null
            ? (null, $"{bytes:N0} bytes of memory that they share cannot be had (Linux: enlarge /dev/shm)")
            : (new SharedWorkspace(memory.Address, productBytes, expertBytes, ranks.Rank, ranks.Size, plan.World.ThrowIfPeerIsGone), null);
    }

    private static bool AreSame(Intracommunicator ranks, string text)
    {
        ulong[] hashes = new ulong[ranks.Size];
        ranks.Allgather<ulong>([XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text))], hashes);
        return hashes.Distinct().Count() == 1;
    }

    private static long LargestProductBytes(SessionPlan plan, IDevice device, RankWeights weights, int tokens) => Math.Max(
        device.SharedAttentionBytes(plan.Model.Config.Attention, tokens, plan.ContextLength),
        weights.Layers.Max(layer => Math.Max(device.SharedProductBytes(layer.Wqkv, tokens), device.SharedProductBytes(layer.AttentionOutput, tokens))));
}
