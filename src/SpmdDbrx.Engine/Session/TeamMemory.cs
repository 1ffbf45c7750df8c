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
    private readonly SharedMemory? memory;

    private TeamMemory(IDevice device, RankTeams teams, SharedMemory? memory)
    {
        this.device = device;
        this.memory = memory;
        Teams = teams;
    }

    /// <summary>Which ranks work together.</summary>
    public RankTeams Teams { get; }

    /// <summary>Makes teams of all ranks that can: those of a host that hold the same experts in the same memory, on devices that cut work alike. A collective call.</summary>
    public static TeamMemory Open(SessionPlan plan, IDevice device, RankWeights weights)
    {
        Intracommunicator world = plan.World;
        if (!plan.TeamsUp)
            return new TeamMemory(device, RankTeams.None(world.Size), null);
        world.Activity.Begin("sharing its host's memory");
        int group = plan.Sharing.GroupOfRank[world.Rank];
        using Intracommunicator ranks = world.Split(group, world.Rank);
        SharedMemory? memory = TryShare(ranks, plan, device, weights);
        int[] teamOfRank = new int[world.Size];
        world.Allgather<int>([memory is null ? world.Rank : group], teamOfRank);
        return new TeamMemory(device, new RankTeams(teamOfRank, BatchOf(plan, device)), memory);
    }

    public void Dispose()
    {
        if (memory is null)
            return;
        device.Share(null);
        memory.Dispose();
    }

    /// <summary>Most tokens of a batch whose experts devices can run together.</summary>
    private static int BatchOf(SessionPlan plan, IDevice device) => Math.Min(device.SharedBatch, device.SharedAssignments / plan.Model.Config.TopK);

    private static SharedMemory? TryShare(Intracommunicator ranks, SessionPlan plan, IDevice device, RankWeights weights)
    {
        int batch = BatchOf(plan, device);
        bool canShare = batch > 0;
        long productBytes = canShare ? LargestProductBytes(plan, device, weights) : 0;
        long expertBytes = canShare ? weights.Layers.Max(layer => device.SharedExpertBytes(layer.Experts[0])) : 0;
        string work = $"{device.Description}, {batch} tokens, {productBytes} and {expertBytes} bytes, experts {string.Join(',', plan.Share.Experts)}";
        ulong[] works = new ulong[ranks.Size];
        ranks.Allgather<ulong>([XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(work))], works);
        if (!canShare || ranks.Size == 1 || works.Distinct().Count() > 1)
            return null;
        SharedMemory? memory = SharedMemory.TryCreate(ranks, SharedWorkspace.BytesFor(productBytes, expertBytes));
        if (memory is not null)
            device.Share(new SharedWorkspace(memory.Address, productBytes, expertBytes, ranks.Size, plan.World.ThrowIfPeerIsGone));
        return memory;
    }

    private static long LargestProductBytes(SessionPlan plan, IDevice device, RankWeights weights) => Math.Max(
        device.SharedAttentionBytes(plan.Model.Config.Attention, plan.ContextLength),
        weights.Layers.Max(layer => Math.Max(device.SharedProductBytes(layer.Wqkv), device.SharedProductBytes(layer.AttentionOutput))));
}
