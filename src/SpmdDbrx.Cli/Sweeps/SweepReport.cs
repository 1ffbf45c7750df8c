using System.Globalization;
using System.Text;
using SpmdDbrx.Engine.Performance.Reports;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>A sweep's results as the tables of [P1] (Tables 3 and 4, and the counted load of Table 2) in Markdown, with plots beside.</summary>
/// <param name="sweep">What was asked.</param>
/// <param name="results">What is known.</param>
internal sealed class SweepReport(Sweep sweep, IReadOnlyList<CellResult> results)
{
    private readonly CellResult[] done = [.. results.Where(result => result.Record.Error is null)];

    /// <summary>Writes report.md and the plots; returns the report's path.</summary>
    public string Write(string folder)
    {
        Directory.CreateDirectory(folder);
        StringBuilder text = new();
        AppendHeader(text);
        ReportTable[] tables = [Throughput(), Times(), Counts(), Prompts(), NetworkCosts(), Failures()];
        foreach (ReportTable table in tables.Where(table => table.Rows.Count > 0))
            text.Append(table.ToMarkdown()).Append('\n');
        foreach ((string name, SvgPlot plot) in new SweepPlots(sweep, done).All())
        {
            File.WriteAllText(Path.Combine(folder, name), plot.ToSvg());
            text.Append(CultureInfo.InvariantCulture, $"![{name}]({name})\n\n");
        }
        string file = Path.Combine(folder, "report.md");
        File.WriteAllText(file, text.ToString().TrimEnd('\n') + "\n");
        return file;
    }

    private void AppendHeader(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"# {sweep.Title}\n\n");
        if (sweep.About.Length > 0)
            text.Append(sweep.About).Append("\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Model {sweep.Model.Name}; {sweep.GeneratedTokens} tokens generated, {sweep.Repeats} repetitions after one that does not count.\n");
        if (results.Count == 0)
            return;
        text.Append(CultureInfo.InvariantCulture, $"Machine: {Each(results, result => result.Record.Machine)}.\n");
        text.Append(CultureInfo.InvariantCulture, $"Commit {Each(results, result => result.Record.Commit)}; {results.Min(result => result.Record.Started)} to {results.Max(result => result.Record.Started)} UTC; {results.Sum(result => result.Record.Seconds):F0} s in all.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"The first job of {results.Count}:\n\n```sh\n{results[0].Record.Command}\n```\n\n");
    }

    private ReportTable Throughput()
    {
        SweepNetwork[] networks = [.. sweep.Networks.Where(network => done.Any(result => result.Cell.Network == network && result.Generation is not null))];
        ReportTable table = new("Generated tokens/s", ["nodes", "system", .. networks.Select(network => network.Name)]);
        foreach (IGrouping<(int Nodes, string Line), CellResult> row in Rows())
        {
            IEnumerable<string> cells = networks.Select(network =>
                row.FirstOrDefault(result => result.Cell.Network == network)?.Generation is { } figures ? Text(figures.TokensPerSecond, "F1") : "");
            table.Add([row.Key.Nodes, row.Key.Line, .. cells]);
        }
        return table;
    }

    private ReportTable Times()
    {
        ReportTable table = new(
            "Where the time of a generated token goes, seconds (rank 0; waiting for other ranks is communication; the error is against the median)",
            "nodes", "network", "system", "tok/s", "s/token", "MoE", "comm.", "misc.", "comm. share", "predicted tok/s", "error");
        foreach (CellResult result in done)
        {
            if (result.Generation is { } figures)
            {
                table.Add(
                    result.Cell.Nodes, result.Cell.Network.Name, result.Line, Text(figures.TokensPerSecond, "F1"), Seconds(figures.Seconds),
                    Seconds(figures.MoeSeconds), Seconds(figures.CommunicationSeconds), Seconds(figures.MiscSeconds),
                    Text(100 * figures.CommunicationShare, "F0") + "%", Text(figures.PredictedTokensPerSecond, "F1"), Signed(figures.PredictionError, 0));
            }
        }
        return table;
    }

    private ReportTable Counts()
    {
        ReportTable table = new(
            "Counted for a generated token: experts of a layer; communications and bytes a layer (rank 0)",
            "nodes", "system", "busiest node", "expected", "off", "mean node", "communications", "bytes");
        foreach (IGrouping<(int Nodes, string Line), CellResult> row in Rows())
        {
            CellResult[] cells = [.. row.Where(result => result.Generation is not null)];
            double expected = cells[0].Record.ExpectedExperts;
            double? busiest = cells.All(result => result.Generation!.CountsAllRanks) ? cells.Average(result => result.Generation!.BusiestExperts) : null;
            table.Add(
                row.Key.Nodes, row.Key.Line, Each(cells, Busiest), Text(expected, "F4"), Signed((busiest / expected) - 1, 1), Each(cells, result => Text(result.Generation!.MeanExperts, "F4")),
                Each(cells, result => Text(result.Generation!.Communications, "0.###")), Each(cells, result => Text(result.Generation!.Bytes, "F0")));
        }
        return table;
    }

    private ReportTable Prompts()
    {
        ReportTable table = new(
            "Prompts, seconds a token (the error is against the median)", "nodes", "network", "system", "prompt", "tok/s", "MoE", "comm.", "misc.", "comm. share", "predicted tok/s", "error");
        foreach (CellResult result in done)
        {
            if (result.Prompt is { } figures)
            {
                table.Add(
                    result.Cell.Nodes, result.Cell.Network.Name, result.Cell.System.Name, result.Cell.PromptTokens, Text(figures.TokensPerSecond, "F1"),
                    Seconds(figures.MoeSeconds), Seconds(figures.CommunicationSeconds), Seconds(figures.MiscSeconds),
                    Text(100 * figures.CommunicationShare, "F0") + "%", Text(figures.PredictedTokensPerSecond, "F1"), Signed(figures.PredictionError, 0));
            }
        }
        return table;
    }

    /// <summary>What delay, jitter, loss and rate cost, against the same nodes and system without any.</summary>
    private ReportTable NetworkCosts()
    {
        ReportTable table = new(
            "What the network adds to the communication of a generated token",
            "nodes", "system", "network", "delay µs", "rate Mb/s", "comm. ms/token", "added ms/token", "added µs a communication");
        foreach (IGrouping<(int Nodes, string Line), CellResult> row in Rows().Where(row => row.Count() > 1))
        {
            if (row.FirstOrDefault(result => result.Cell.Network.Settings.All(setting => setting.Value == 0))?.Generation is not { } free)
                continue;
            foreach (CellResult result in row)
            {
                double added = result.Generation!.CommunicationSeconds - free.CommunicationSeconds;
                double communications = result.Generation.Communications * result.Record.Layers;
                table.Add(
                    row.Key.Nodes, row.Key.Line, result.Cell.Network.Name, result.Cell.Network.DelayMicroseconds,
                    result.Cell.Network.RateMegabits == 0 ? "–" : result.Cell.Network.RateMegabits, Text(1e3 * result.Generation.CommunicationSeconds, "F2"),
                    Text(1e3 * added, "F2"), Text(1e6 * added / communications, "F0"));
            }
        }
        return table;
    }

    private ReportTable Failures()
    {
        ReportTable table = new("Failed", "nodes", "network", "system", "prompt", "why");
        foreach (CellResult result in results.Where(result => result.Record.Error is not null))
            table.Add(result.Cell.Nodes, result.Cell.Network.Name, result.Cell.System.Name, result.Cell.PromptTokens, result.Record.Error);
        return table;
    }

    private IEnumerable<IGrouping<(int Nodes, string Line), CellResult>> Rows() =>
        done.Where(result => result.Generation is not null).GroupBy(result => (result.Cell.Nodes, result.Line));

    private static string Busiest(CellResult result) =>
        Text(result.Generation!.BusiestExperts, "F4") + (result.Generation.CountsAllRanks ? "" : " (rank 0)");

    /// <summary>The different values, in order: one where all agree.</summary>
    private static string Each(IEnumerable<CellResult> of, Func<CellResult, string> value) =>
        string.Join(", ", of.Select(value).Distinct().Order(StringComparer.Ordinal));

    private static string Seconds(double seconds) => Text(seconds, "F5");

    // Rounded first: what rounds to zero has no sign.
    private static string Signed(double? share, int digits) =>
        share is { } known ? Text(Math.Round(100 * known, digits), digits == 0 ? "+0;-0;0" : "+0.0;-0.0;0.0") + "%" : "";

    private static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
