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

    /// <summary>Creates the file and writes its first line.</summary>
    public RoutingTraceWriter(string file, int layerCount, int expertCount, int topK)
    {
        this.layerCount = layerCount;
        this.topK = topK;
        writer = new StreamWriter(file) { NewLine = "\n" };
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

    public void Dispose() => writer.Dispose();
}
