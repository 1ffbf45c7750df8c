using System.Globalization;
using System.Text;

namespace SpmdDbrx.Engine.Placement;

/// <summary>Records the router's choices while a model runs; <see cref="RoutingTrace"/> describes the file.</summary>
public sealed class RoutingTraceWriter : IDisposable
{
    private readonly StreamWriter writer;
    private readonly StringBuilder line = new();
    private readonly int layerCount;
    private readonly int topK;
    private bool disposed;

    /// <summary>Writes the first line; the stream stays the caller's.</summary>
    public RoutingTraceWriter(Stream stream, int layerCount, int expertCount, int topK)
    {
        this.layerCount = layerCount;
        this.topK = topK;
        writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{{\"format\": \"{RoutingTrace.Format}\", \"layers\": {layerCount}, \"experts\": {expertCount}, \"top_k\": {topK}}}"));
    }

    /// <summary>Writes one token.</summary>
    /// <param name="experts">Selected experts, [layers, topK].</param>
    public void Append(ReadOnlySpan<int> experts)
    {
        if (experts.Length != layerCount * topK)
            throw new ArgumentException($"experts: expected {layerCount} · {topK}, found {experts.Length}", nameof(experts));
        line.Clear().Append('[');
        for (int layer = 0; layer < layerCount; layer++)
        {
            line.Append(layer == 0 ? "[" : ",[");
            for (int slot = 0; slot < topK; slot++)
                line.Append(CultureInfo.InvariantCulture, $"{(slot == 0 ? "" : ",")}{experts[(layer * topK) + slot]}");
            line.Append(']');
        }
        writer.WriteLine(line.Append(']'));
    }

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        writer.Dispose();
    }
}
