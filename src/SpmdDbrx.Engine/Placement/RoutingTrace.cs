using System.Globalization;
using System.Text;

namespace SpmdDbrx.Engine.Placement;

/// <summary>The experts a model selected, per token and layer, as <see cref="RoutingTraceWriter"/> recorded them.</summary>
/// <remarks>A text file: first a line <c>{"format": …, "layers": L, "experts": E, "top_k": k}</c>,
/// then per token one line <c>[[…],[…],…]</c> with k experts for each layer, in descending order of router weight.</remarks>
public sealed class RoutingTrace
{
    /// <summary>Value of the first line's "format" field.</summary>
    public const string Format = "spmd-dbrx-routing-trace/1";

    private readonly ushort[] experts;

    /// <param name="layerCount">L.</param>
    /// <param name="expertCount">E.</param>
    /// <param name="topK">k.</param>
    /// <param name="experts">[tokens, L, k].</param>
    public RoutingTrace(int layerCount, int expertCount, int topK, ushort[] experts)
    {
        LayerCount = layerCount;
        ExpertCount = expertCount;
        TopK = topK;
        this.experts = experts;
    }

    /// <summary>L.</summary>
    public int LayerCount { get; }

    /// <summary>Experts of a layer.</summary>
    public int ExpertCount { get; }

    /// <summary>Experts selected for a token.</summary>
    public int TopK { get; }

    /// <summary>Tokens recorded.</summary>
    public int TokenCount => experts.Length / (LayerCount * TopK);

    /// <summary>What one layer selected for one token, [TopK].</summary>
    public ReadOnlySpan<ushort> Experts(int token, int layer) =>
        experts.AsSpan(((token * LayerCount) + layer) * TopK, TopK);

    /// <summary>Tokens whose every layer selects k of E experts uniformly and independently.</summary>
    public static RoutingTrace Synthetic(int tokenCount, int layerCount, int expertCount, int topK, int seed)
    {
        Random random = new(seed);
        ushort[] drawn = new ushort[tokenCount * layerCount * topK];
        ushort[] deck = [.. Enumerable.Range(0, expertCount).Select(expert => (ushort)expert)];
        for (int start = 0; start < drawn.Length; start += topK)
        {
            for (int slot = 0; slot < topK; slot++)
            {
                int other = random.Next(slot, expertCount);
                (deck[slot], deck[other]) = (deck[other], deck[slot]);
            }
            deck.AsSpan(0, topK).CopyTo(drawn.AsSpan(start));
        }
        return new RoutingTrace(layerCount, expertCount, topK, drawn);
    }

    /// <summary>Reads and checks a trace.</summary>
    /// <exception cref="InvalidInputException">Names the file, the line and the field.</exception>
    public static RoutingTrace Load(string file)
    {
        try
        {
            using StreamReader reader = new(file, Encoding.UTF8);
            return Load(file, reader);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException($"{file}: cannot be read: {exception.Message}", exception);
        }
    }

    private static RoutingTrace Load(string file, StreamReader reader)
    {
        JsonField header = JsonField.Parse($"{file}: line 1", reader.ReadLine() ?? "");
        header.AllowOnly("format", "layers", "experts", "top_k");
        if (header["format"].Text() != Format)
            throw header["format"].Wrong($"\"{Format}\"");
        int layers = header["layers"].Integer(1, 10_000);
        int expertCount = header["experts"].Integer(1, 65_536);
        int topK = header["top_k"].Integer(1, expertCount);
        List<ushort> experts = [];
        int lineNumber = 1;
        while (reader.ReadLine() is { } line)
        {
            lineNumber++;
            if (line.Length > 0)
                AppendToken(string.Create(CultureInfo.InvariantCulture, $"{file}: line {lineNumber}"), line, layers, expertCount, topK, experts);
        }
        if (experts.Count == 0)
            throw new InvalidInputException($"{file}: holds no tokens");
        return new RoutingTrace(layers, expertCount, topK, [.. experts]);
    }

    private static void AppendToken(string where, string line, int layers, int expertCount, int topK, List<ushort> experts)
    {
        JsonField[] selections = JsonField.Parse(where, $"{{\"token\":{line}}}")["token"].Items();
        if (selections.Length != layers)
            throw new InvalidInputException($"{where}: expected {layers} layers, found {selections.Length}");
        foreach (JsonField selection in selections)
        {
            JsonField[] selected = selection.Items();
            if (selected.Length != topK || selected.Select(expert => expert.Integer(0, expertCount - 1)).Distinct().Count() != topK)
                throw selection.Wrong($"{topK} different experts");
            experts.AddRange(selected.Select(expert => (ushort)expert.Integer(0, expertCount - 1)));
        }
    }
}
