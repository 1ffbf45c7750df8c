using System.Globalization;
using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance.Reports;

/// <summary>Predictions for several numbers of nodes as tables and as a plot.</summary>
/// <param name="model">What runs.</param>
/// <param name="hardware">On what.</param>
/// <param name="network">Over what.</param>
/// <param name="software">With which program.</param>
public sealed class EstimateReport(ModelShape model, Hardware hardware, Network network, Software software)
{
    private readonly List<Alternative> alternatives = [];

    /// <summary>Adds the alternatives of one number of nodes.</summary>
    public void Add(IEnumerable<Alternative> ofOneNodeCount) => alternatives.AddRange(ofOneNodeCount);

    /// <summary>What was assumed, in one line.</summary>
    public string Subject => $"{model.Title} on {hardware.Title}, {network.Title}, {software.Title}";

    /// <summary>One line an alternative.</summary>
    public ReportTable Summary()
    {
        ReportTable table = new(
            Subject, "nodes", "spread", "E", "MoE ms", "comm. ms", "misc. ms", "tok/s", "Eq. 1 tok/s", "prompt tok/s",
            "GiB a node", "fits", "USD", "USD/Mtok", "tok/s/kUSD");
        foreach (Alternative alternative in alternatives)
        {
            Prediction prediction = alternative.Prediction;
            table.Add(
                prediction.Deployment.NodeCount, alternative.Name, Text(prediction.ExpertsPerLayer, "0.###"),
                Milliseconds(prediction.SecondsOf(TermGroup.Moe)), Milliseconds(prediction.SecondsOf(TermGroup.Communication)), Milliseconds(prediction.SecondsOf(TermGroup.Misc)),
                Text(prediction.TokensPerSecond, "F1"), Text(Bound(prediction), "F1"), Text(prediction.PromptTokensPerSecond, "F0"),
                Text(prediction.MemoryBytesPerNode / Hardware.GibiByte, "F1"), prediction.Fits ? "yes" : "no",
                Money(prediction.Cost?.PriceUsd, "F0"), Money(prediction.Cost?.UsdPerMillionTokens, "F1"), Money(1000 * prediction.Cost?.TokensPerSecondPerUsd, "F3"));
        }
        return table;
    }

    /// <summary>Every term of every alternative, with how it comes about.</summary>
    public ReportTable Terms()
    {
        ReportTable table = new("Terms of one generated token", "nodes", "spread", "group", "term", "ms", "formula");
        foreach (Alternative alternative in alternatives)
        {
            Prediction prediction = alternative.Prediction;
            foreach (Term term in prediction.Terms)
                table.Add(prediction.Deployment.NodeCount, alternative.Name, term.Group, term.Name, Milliseconds(term.Seconds), term.Formula);
        }
        return table;
    }

    /// <summary>Where the figures come from.</summary>
    public ReportTable Sources()
    {
        ReportTable table = new("Figures and their sources", "of", "figure", "value", "", "source");
        AddFigure(table, hardware.Name, "memory, GiB", hardware.MemoryBytes, 1 / Hardware.GibiByte);
        AddFigure(table, hardware.Name, "usable memory, GiB", hardware.UsableMemoryBytes, 1 / Hardware.GibiByte);
        AddFigure(table, hardware.Name, "memory bandwidth, GB/s", hardware.MemoryBytesPerSecond, 1e-9);
        AddFigure(table, hardware.Name, "peak, TFLOP/s", hardware.FlopPerSecond, 1e-12);
        AddFigure(table, hardware.Name, "price, USD", hardware.PriceUsd, 1);
        AddFigure(table, hardware.Name, "power, W", hardware.PowerWatts, 1);
        AddFigure(table, network.Name, "latency, µs", network.LatencySeconds, 1e6);
        AddFigure(table, network.Name, "bandwidth, Gbit/s", network.BytesPerSecond, 8e-9);
        AddFigure(table, network.Name, "price a node, USD", network.PriceUsdPerNode, 1);
        AddFigure(table, software.Name, "share of bandwidth", software.BandwidthFraction, 1);
        AddFigure(table, software.Name, "share of peak", software.ComputeFraction, 1);
        AddFigure(table, software.Name, "hand-over, µs", software.HandOverSeconds, 1e6);
        AddFigure(table, software.Name, "message, µs", software.MessageSeconds, 1e6);
        AddFigure(table, software.Name, "latencies a request", software.LatenciesPerRequest, 1);
        AddFigure(table, software.Name, "unwired after, ms", software.UnwireAfterSeconds, 1e3);
        AddFigure(table, software.Name, "wired again at, GB/s", software.RewireBytesPerSecond, 1e-9);
        return table;
    }

    /// <summary>Tokens/s against nodes, one line a spread; what does not fit is left out.</summary>
    public SvgPlot Plot()
    {
        SvgPlot plot = new(model.Title, $"{hardware.Title} · {network.Title}", "nodes", "generated tokens/s");
        foreach (IGrouping<string, Alternative> line in alternatives.Where(alternative => alternative.Prediction.Fits).GroupBy(alternative => alternative.Name))
            plot.Add(line.Key, [.. line.Select(alternative => ((double)alternative.Prediction.Deployment.NodeCount, alternative.Prediction.TokensPerSecond))]);
        plot.Add("Eq. 1 (lower bound of time)", [.. alternatives.Where(alternative => alternative.Prediction.Fits)
            .GroupBy(alternative => alternative.Prediction.Deployment.NodeCount)
            .Select(nodes => ((double)nodes.Key, nodes.Max(alternative => Bound(alternative.Prediction))))], isDashed: true);
        return plot;
    }

    private double Bound(Prediction prediction)
    {
        Network none = network with { LatencySeconds = new Figure(0, "one node"), BytesPerSecond = new Figure(double.PositiveInfinity, "one node") };
        return LowerBound.Of(model, hardware, prediction.Deployment.RankCount == 1 ? none : network, prediction.ExpertsPerLayer, prediction.Deployment.Weights).TokensPerSecond;
    }

    private static void AddFigure(ReportTable table, string of, string name, Figure? figure, double scale)
    {
        if (figure is { } known)
            table.Add(of, name, Text(known.Value * scale, "G5"), known.IsEstimate ? "estimate" : "", known.Source);
    }

    private static string Milliseconds(double seconds) => Text(seconds * 1e3, "0.0##");

    private static string Money(double? value, string format) => value is { } known ? Text(known, format) : "";

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
