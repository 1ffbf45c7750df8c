using System.Globalization;
using SpmdDbrx.Engine.Performance.Reports;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>Generated tokens/s against whatever a sweep varies: delay, rate, nodes. One line a system.</summary>
/// <param name="sweep">What was asked.</param>
/// <param name="done">What was measured.</param>
internal sealed class SweepPlots(Sweep sweep, IReadOnlyList<CellResult> done)
{
    private const string TokensLabel = "generated tokens/s";

    private readonly CellResult[] results = [.. done.Where(result => result.Generation is not null)];

    /// <summary>The plots that have two points to join, with their files' names.</summary>
    public IEnumerable<(string Name, SvgPlot Plot)> All()
    {
        foreach (IGrouping<int, CellResult> nodes in results.GroupBy(result => result.Cell.Nodes))
        {
            CellResult[] delayed = [.. nodes.Where(result => result.Cell.Network.IsDelayAlone)];
            if (delayed.Select(result => result.Cell.Network.DelayMicroseconds).Distinct().Count() > 1)
                yield return (Name($"delay-{nodes.Key}-nodes"), AgainstDelay(nodes.Key, delayed));
            CellResult[] limited = [.. nodes.Where(result => result.Cell.Network.IsRateAlone)];
            if (limited.Select(result => result.Cell.Network.RateMegabits).Where(rate => rate > 0).Distinct().Count() > 1)
                yield return (Name($"rate-{nodes.Key}-nodes"), AgainstRate(nodes.Key, limited));
        }
        for (int index = 0; index < sweep.Networks.Length; index++)
        {
            CellResult[] connected = [.. results.Where(result => result.Cell.Network == sweep.Networks[index])];
            if (connected.Select(result => result.Cell.Nodes).Distinct().Count() > 1)
                yield return (Name($"nodes-network-{index}"), AgainstNodes(sweep.Networks[index], connected));
        }
    }

    private SvgPlot AgainstDelay(int nodes, CellResult[] cells)
    {
        SvgPlot plot = new(sweep.Title, Subtitle($"{nodes} nodes, no rate limit"), "delay one way, ms", TokensLabel);
        AddLines(plot, cells, cell => cell.Network.DelayMicroseconds / 1e3);
        return plot;
    }

    private SvgPlot AgainstRate(int nodes, CellResult[] cells)
    {
        SvgPlot plot = new(sweep.Title, Subtitle($"{nodes} nodes, no delay"), "rate of a link, Mb/s", TokensLabel) { XLogarithmBase = 10 };
        CellResult[] limited = [.. cells.Where(result => result.Cell.Network.RateMegabits > 0)];
        AddLines(plot, limited, cell => cell.Network.RateMegabits);
        double slowest = limited.Min(result => result.Cell.Network.RateMegabits), fastest = limited.Max(result => result.Cell.Network.RateMegabits);
        foreach (CellResult free in cells.Where(result => result.Cell.Network.RateMegabits == 0))
        {
            double tokensPerSecond = free.Generation!.TokensPerSecond;
            plot.Add($"{free.Line}, no limit", [(slowest, tokensPerSecond), (fastest, tokensPerSecond)], isDashed: true);
        }
        return plot;
    }

    private SvgPlot AgainstNodes(SweepNetwork network, CellResult[] cells)
    {
        SvgPlot plot = new(sweep.Title, Subtitle($"network: {network.Name}"), "nodes", TokensLabel);
        AddLines(plot, cells, cell => cell.Nodes);
        return plot;
    }

    private string Subtitle(string what) => $"{sweep.Model.Name}; {what}";

    private static void AddLines(SvgPlot plot, CellResult[] cells, Func<SweepCell, double> x)
    {
        foreach (IGrouping<string, CellResult> line in cells.GroupBy(result => result.Line))
            plot.Add(line.Key, [.. line.Select(result => (x(result.Cell), result.Generation!.TokensPerSecond))]);
    }

    private static string Name(FormattableString name) => name.ToString(CultureInfo.InvariantCulture) + ".svg";
}
