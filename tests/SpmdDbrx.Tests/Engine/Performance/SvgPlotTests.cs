using System.Globalization;
using System.Xml.Linq;
using SpmdDbrx.Engine.Performance.Reports;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class SvgPlotTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void ToSvg_TwoLines_IsWellFormedWithLegendAndEscapedTexts()
    {
        SvgPlot plot = new("A & B <fast>", "sub", "nodes", "tok/s");
        plot.Add("one", [(2, 10), (4, 20)]);
        plot.Add("two", [(2, 5), (4, 8)], isDashed: true);
        XDocument document = XDocument.Parse(plot.ToSvg());
        string[] texts = [.. document.Descendants(Svg + "text").Select(text => text.Value)];
        Assert.Contains("A & B <fast>", texts);
        Assert.Contains("one", texts);
        Assert.Contains("two", texts);
        Assert.Equal(2, document.Descendants(Svg + "polyline").Count());
        Assert.Equal(2, document.Descendants(Svg + "circle").Count()); // dashed lines have no markers
    }

    [Fact]
    public void ToSvg_LinearAxes_PutPointsWhereTheTicksSay()
    {
        SvgPlot plot = new("t", "s", "x", "y");
        plot.Add("line", [(0, 0), (5, 10), (10, 20)]);
        XDocument document = XDocument.Parse(plot.ToSvg());
        (double X, double Y)[] points = Points(document);
        Assert.Equal(points[1].X, (points[0].X + points[2].X) / 2, 1);
        Assert.Equal(points[1].Y, (points[0].Y + points[2].Y) / 2, 1);
        Assert.True(points[2].Y < points[0].Y); // larger values lie higher
        XElement tick = document.Descendants(Svg + "text").Single(text => text.Value == "20" && (string?)text.Attribute("text-anchor") == "end");
        Assert.Equal(points[2].Y + 4, (double)tick.Attribute("y")!, 1);
    }

    [Fact]
    public void ToSvg_LogarithmicAxis_SpacesPowersEvenly()
    {
        SvgPlot plot = new("t", "s", "x", "y") { XLogarithmBase = 2 };
        plot.Add("line", [(2, 1), (8, 1), (32, 1), (1024, 1)]);
        (double X, double Y)[] points = Points(XDocument.Parse(plot.ToSvg()));
        Assert.Equal(points[1].X - points[0].X, points[2].X - points[1].X, 0.2);
    }

    [Theory]
    [InlineData(17.3, "0 5 10 15 20")]
    [InlineData(0.9, "0 0.2 0.4 0.6 0.8 1")]
    [InlineData(8, "0 1 2 3 4 5 6 7 8")]
    [InlineData(130_000, "0 20k 40k 60k 80k 100k 120k 140k")]
    public void Linear_AnyRange_HasRoundTicks(double largest, string expected) =>
        Assert.Equal(expected, string.Join(' ', PlotAxis.Linear([largest]).Ticks.Select(PlotAxis.Label)));

    [Fact]
    public void ToSvg_NoPoints_IsStillADocument()
    {
        XDocument document = XDocument.Parse(new SvgPlot("t", "s", "x", "y").ToSvg());
        Assert.Empty(document.Descendants(Svg + "polyline"));
    }

    private static (double X, double Y)[] Points(XDocument document) =>
        [.. ((string)document.Descendants(Svg + "polyline").First().Attribute("points")!).Split(' ')
            .Select(pair => pair.Split(','))
            .Select(pair => (double.Parse(pair[0], CultureInfo.InvariantCulture), double.Parse(pair[1], CultureInfo.InvariantCulture)))];
}
