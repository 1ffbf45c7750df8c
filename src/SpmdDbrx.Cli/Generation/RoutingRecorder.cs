using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Generation;

/// <summary>Writes the router's choices of every token as a routing trace, which <c>plan --trace</c> reads.</summary>
internal sealed class RoutingRecorder : IDisposable
{
    private readonly PendingFile file;
    private readonly RoutingTraceWriter writer;
    private readonly RankSession session;
    private readonly int layerCount;
    private readonly int topK;
    private readonly int[] batch;

    /// <param name="path">Final name; the file appears when complete.</param>
    /// <param name="session">Whose decoder to listen to.</param>
    public RoutingRecorder(string path, RankSession session)
    {
        this.session = session;
        layerCount = session.Model.Config.LayerCount;
        topK = session.Model.Config.TopK;
        batch = new int[session.Decoder.BatchCapacity * layerCount * topK];
        file = new PendingFile(path);
        writer = new RoutingTraceWriter(file.Stream, layerCount, session.Model.Config.ExpertCount, topK);
        session.Decoder.OnRouting = Record;
    }

    private void Record(int layer, Routing routing)
    {
        for (int token = 0; token < routing.TokenCount; token++)
            routing.Experts.Slice(token * topK, topK).CopyTo(batch.AsSpan(((token * layerCount) + layer) * topK));
        if (layer < layerCount - 1)
            return;
        for (int token = 0; token < routing.TokenCount; token++)
            writer.Append(batch.AsSpan(token * layerCount * topK, layerCount * topK));
    }

    /// <summary>Gives the file its name.</summary>
    public void Complete()
    {
        writer.Dispose();
        file.Complete();
    }

    public void Dispose()
    {
        session.Decoder.OnRouting = null;
        try
        {
            writer.Dispose();
        }
        finally
        {
            file.Dispose();
        }
    }
}
