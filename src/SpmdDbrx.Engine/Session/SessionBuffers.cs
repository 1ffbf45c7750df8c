using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Decoding;
using SpmdDbrx.Engine.Experts;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Session;

/// <summary>What a rank allocates: activations, KV cache, rotary tables.</summary>
internal sealed class SessionBuffers : IDisposable
{
    private readonly Stack<IDisposable> owned = [];

    /// <summary>Allocates all of it, or nothing.</summary>
    /// <exception cref="InsufficientMemoryException">The device refuses the memory.</exception>
    public SessionBuffers(IDevice device, SessionPlan plan)
    {
        ModelConfig config = plan.Model.Config;
        Check = new RoutingCheck(plan.World.Rank, plan.World.Size, config.ExpertCount);
        try
        {
            Workspace = Own(new Workspace(
                device, config, plan.Batch, Math.Min(RankBuffers.LogitRows, plan.Batch), plan.Options.Deterministic ? config.TopK : 1,
                Check.FloatCount(plan.Batch), plan.LogitRanks?.Size ?? 1));
            Cache = Own(new KvCache(device, config.LayerCount, config.Attention, plan.ContextLength));
            Rotary = Own(new RotaryTable(device, config.HeadDim, config.RopeTheta, plan.ContextLength));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What rides in the tail of every exchange.</summary>
    public RoutingCheck Check { get; }

    public Workspace Workspace { get; }

    public KvCache Cache { get; }

    public RotaryTable Rotary { get; }

    /// <summary>Bytes of activations and cache.</summary>
    public long Bytes => Workspace.Bytes + Cache.Bytes;

    public void Dispose()
    {
        while (owned.TryPop(out IDisposable? buffer))
            buffer.Dispose();
    }

    private T Own<T>(T buffer) where T : IDisposable
    {
        owned.Push(buffer);
        return buffer;
    }
}
