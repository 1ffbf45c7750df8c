using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Experts;

/// <summary>Runs unselected experts with weight 0, so that a driver that unwires idle weights keeps them wired ([P1] §4.2).</summary>
public sealed class SpareExperts
{
    private readonly Loading loading;
    private readonly int arrayCount;
    private readonly int localCount;
    private readonly long[] lastUse;
    private readonly bool[] running;
    private long time;

    /// <param name="loading">Which unselected experts run.</param>
    /// <param name="arrayCount">Arrays an expert's weights lie in: one per layer in a checkpoint; 1 when prestacked, where any layer's use keeps
    /// all layers wired and recency per layer would let an expert that all layers passed over wait for several tokens.</param>
    /// <param name="localCount">Experts this rank holds.</param>
    public SpareExperts(Loading loading, int arrayCount, int localCount)
    {
        this.loading = loading;
        this.arrayCount = arrayCount;
        this.localCount = localCount;
        lastUse = new long[arrayCount * localCount];
        running = new bool[localCount];
    }

    /// <summary>Fills the spare quota: all local experts with <see cref="Loading.BusyFull"/>, as many as the busiest rank runs with
    /// <see cref="Loading.RouterAided"/>, the least recently used first.</summary>
    /// <param name="assignments">The selected experts; spare ones are added as one triple of weight 0 each.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="busiest">Experts that the busiest rank runs.</param>
    public void Add(ExpertAssignments assignments, int layer, int busiest)
    {
        if (loading == Loading.OnDemand || localCount == 0)
            return;
        time++;
        Span<long> uses = lastUse.AsSpan(layer % arrayCount * localCount, localCount);
        Array.Clear(running);
        for (int group = 0; group < assignments.ExpertCount; group++)
            Use(assignments.Expert(group), uses);
        int quota = loading == Loading.BusyFull ? localCount : Math.Min(busiest, localCount);
        while (assignments.ExpertCount < quota)
        {
            int spare = LeastRecentlyUsed(uses);
            Use(spare, uses);
            assignments.BeginExpert(spare);
            assignments.Add(inputRow: 0, outputRow: 0, weight: 0f);
        }
    }

    private void Use(int expert, Span<long> uses)
    {
        uses[expert] = time;
        running[expert] = true;
    }

    private int LeastRecentlyUsed(ReadOnlySpan<long> uses)
    {
        int oldest = -1;
        for (int expert = 0; expert < localCount; expert++)
        {
            if (!running[expert] && (oldest < 0 || uses[expert] < uses[oldest]))
                oldest = expert;
        }
        return oldest;
    }
}
