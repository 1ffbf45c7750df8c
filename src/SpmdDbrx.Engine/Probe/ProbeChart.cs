using System.Globalization;
using System.Text;

namespace SpmdDbrx.Engine.Probe;

/// <summary>The benchmark's result as an SVG drawing in the form of the paper's Figure 4: milliseconds a sample against the wait, both logarithmic.</summary>
public static class ProbeChart
{
    private const double Width = 720, Height = 420, Left = 70, Right = 20, Top = 40, Bottom = 50;
    private static readonly string[] colours = ["#c0392b", "#2471a3", "#1e8449", "#7d3c98"];

    /// <summary>Draws all subjects; the first load (wait 0) is in the table only.</summary>
    /// <param name="samples">Points.</param>
    /// <param name="title">Device and clock.</param>
    public static string Draw(IReadOnlyList<ProbeSample> samples, string title)
    {
        ProbeSample[] points = [.. samples.Where(sample => sample.WaitMilliseconds > 0)];
        (double First, double Last) waits = Decades(points.Select(point => point.WaitMilliseconds));
        (double First, double Last) costs = Decades(points.Select(point => point.MillisecondsPerSample));
        StringBuilder svg = new();
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="13">""");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{Left}" y="22" font-size="15">{System.Security.SecurityElement.Escape(title)}</text>""");
        DrawAxes(svg, waits, costs);
        string[] subjects = [.. points.Select(point => point.Subject).Distinct()];
        for (int index = 0; index < subjects.Length; index++)
        {
            IEnumerable<string> line = points.Where(point => point.Subject == subjects[index]).Select(point =>
                string.Create(CultureInfo.InvariantCulture, $"{X(point.WaitMilliseconds, waits):0.0},{Y(point.MillisecondsPerSample, costs):0.0}"));
            string colour = colours[index % colours.Length];
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<polyline fill="none" stroke="{colour}" stroke-width="2" points="{string.Join(' ', line)}"/>""");
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{Left + 12}" y="{Top + 18 + (18 * index)}" fill="{colour}">{subjects[index]}</text>""");
        }
        return svg.AppendLine("</svg>").ToString();
    }

    private static void DrawAxes(StringBuilder svg, (double First, double Last) waits, (double First, double Last) costs)
    {
        for (double wait = waits.First; wait <= waits.Last; wait *= 10)
        {
            double x = X(wait, waits);
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<line x1="{x:0.0}" x2="{x:0.0}" y1="{Top}" y2="{Height - Bottom}" stroke="#ccc"/>""");
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{x:0.0}" y="{Height - Bottom + 18}" text-anchor="middle">{wait}</text>""");
        }
        for (double cost = costs.First; cost <= costs.Last; cost *= 10)
        {
            double y = Y(cost, costs);
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<line x1="{Left}" x2="{Width - Right}" y1="{y:0.0}" y2="{y:0.0}" stroke="#ccc"/>""");
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{Left - 6}" y="{y + 4:0.0}" text-anchor="end">{cost}</text>""");
        }
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{(Left + Width - Right) / 2}" y="{Height - 10}" text-anchor="middle">wait after every layer (ms)</text>""");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text transform="translate(16 {(Top + Height - Bottom) / 2}) rotate(-90)" text-anchor="middle">time per sample (ms)</text>""");
    }

    /// <summary>The powers of ten around the values.</summary>
    private static (double First, double Last) Decades(IEnumerable<double> values)
    {
        double[] all = [.. values.Where(value => value > 0)];
        if (all.Length == 0)
            return (1, 10);
        double first = Math.Floor(Math.Log10(all.Min())), last = Math.Ceiling(Math.Log10(all.Max()));
        return (Math.Pow(10, first), Math.Pow(10, Math.Max(last, first + 1)));
    }

    private static double X(double value, (double First, double Last) range) => Left + (Fraction(value, range) * (Width - Left - Right));

    private static double Y(double value, (double First, double Last) range) => Height - Bottom - (Fraction(value, range) * (Height - Top - Bottom));

    private static double Fraction(double value, (double First, double Last) range) =>
        Math.Log(Math.Max(value, range.First) / range.First) / Math.Log(range.Last / range.First);
}
