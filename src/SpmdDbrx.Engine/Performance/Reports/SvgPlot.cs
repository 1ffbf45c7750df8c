using System.Globalization;
using System.Security;
using System.Text;

namespace SpmdDbrx.Engine.Performance.Reports;

/// <summary>A line plot as a self-contained SVG: axes with round ticks, grid, markers, legend.</summary>
/// <param name="title">First line above the plot.</param>
/// <param name="subtitle">Second line.</param>
/// <param name="xLabel">What x is, with its unit.</param>
/// <param name="yLabel">What y is, with its unit.</param>
public sealed class SvgPlot(string title, string subtitle, string xLabel, string yLabel)
{
    private const int Width = 920;
    private const int Height = 480;
    private const int Left = 70;
    private const int Top = 70;
    private const int PlotWidth = 520;
    private const int PlotHeight = 340;
    private const int LegendLeft = Left + PlotWidth + 24;
    private const int LegendLineHeight = 20;

    // Okabe and Ito's palette, readable with colour blindness.
    private static readonly string[] Colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"];

    private readonly List<(string Name, (double X, double Y)[] Points, bool IsDashed)> lines = [];

    /// <summary>Base of a logarithmic x axis; 0 = linear from 0.</summary>
    public double XLogarithmBase { get; init; }

    /// <summary>Base of a logarithmic y axis; 0 = linear from 0.</summary>
    public double YLogarithmBase { get; init; }

    /// <summary>Adds a line; its points are joined in order of x.</summary>
    public void Add(string name, IReadOnlyCollection<(double X, double Y)> points, bool isDashed = false) =>
        lines.Add((name, [.. points.OrderBy(point => point.X)], isDashed));

    /// <summary>The document.</summary>
    public string ToSvg()
    {
        PlotAxis x = Axis(XLogarithmBase, point => point.X);
        PlotAxis y = Axis(YLogarithmBase, point => point.Y);
        StringBuilder svg = new();
        Append(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\"");
        Append(svg, $" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#222\">\n");
        Append(svg, $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"#fff\"/>\n");
        Text(svg, Left, 28, title, "start", " font-size=\"17\" font-weight=\"bold\"");
        Text(svg, Left, 48, subtitle, "start", " fill=\"#555\"");
        AppendGrid(svg, x, y);
        for (int index = 0; index < lines.Count; index++)
            AppendLine(svg, x, y, index);
        return svg.Append("</svg>\n").ToString();
    }

    private PlotAxis Axis(double logarithmBase, Func<(double X, double Y), double> coordinate)
    {
        IEnumerable<double> values = lines.SelectMany(line => line.Points).Select(coordinate);
        return logarithmBase > 0 && values.Any() ? PlotAxis.Logarithmic(values, logarithmBase) : PlotAxis.Linear(values);
    }

    private void AppendGrid(StringBuilder svg, PlotAxis x, PlotAxis y)
    {
        foreach (double tick in y.Ticks)
        {
            double height = Y(y, tick);
            Append(svg, $"<line x1=\"{Left}\" x2=\"{Left + PlotWidth}\" y1=\"{height:F1}\" y2=\"{height:F1}\" stroke=\"#e5e5e5\"/>\n");
            Text(svg, Left - 8, height + 4, PlotAxis.Label(tick), "end");
        }
        foreach (double tick in x.Ticks)
        {
            double left = X(x, tick);
            Append(svg, $"<line x1=\"{left:F1}\" x2=\"{left:F1}\" y1=\"{Top + PlotHeight}\" y2=\"{Top + PlotHeight + 5}\" stroke=\"#222\"/>\n");
            Text(svg, left, Top + PlotHeight + 20, PlotAxis.Label(tick), "middle");
        }
        Append(svg, $"<path d=\"M{Left} {Top}V{Top + PlotHeight}H{Left + PlotWidth}\" fill=\"none\" stroke=\"#222\"/>\n");
        Text(svg, Left + (PlotWidth / 2), Top + PlotHeight + 44, xLabel, "middle");
        Text(svg, 0, 0, yLabel, "middle", $" transform=\"translate(20 {Top + (PlotHeight / 2)}) rotate(-90)\"");
    }

    private void AppendLine(StringBuilder svg, PlotAxis x, PlotAxis y, int index)
    {
        (string name, (double X, double Y)[] points, bool isDashed) = lines[index];
        string colour = Colours[index % Colours.Length];
        string dash = isDashed ? " stroke-dasharray=\"6 4\"" : "";
        string path = string.Join(' ', points.Select(point => Invariant($"{X(x, point.X):F1},{Y(y, point.Y):F1}")));
        Append(svg, $"<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>\n");
        foreach ((double X, double Y) point in isDashed ? [] : points)
            Append(svg, $"<circle cx=\"{X(x, point.X):F1}\" cy=\"{Y(y, point.Y):F1}\" r=\"3.5\" fill=\"{colour}\"/>\n");
        int height = Top + 8 + (index * LegendLineHeight);
        Append(svg, $"<line x1=\"{LegendLeft}\" x2=\"{LegendLeft + 24}\" y1=\"{height}\" y2=\"{height}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>\n");
        Text(svg, LegendLeft + 32, height + 4, name, "start");
    }

    private static double X(PlotAxis axis, double value) => Left + (PlotWidth * axis.Position(value));

    private static double Y(PlotAxis axis, double value) => Top + (PlotHeight * (1 - axis.Position(value)));

    private static void Text(StringBuilder svg, double x, double y, string text, string anchor, string attributes = "") =>
        Append(svg, $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\"{attributes}>{SecurityElement.Escape(text)}</text>\n");

    private static void Append(StringBuilder svg, FormattableString text) => svg.Append(Invariant(text));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
