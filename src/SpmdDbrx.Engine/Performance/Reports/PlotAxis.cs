using System.Globalization;

namespace SpmdDbrx.Engine.Performance.Reports;

/// <summary>Maps values of one axis to positions and chooses its ticks: round steps, or powers of the base on a logarithmic axis.</summary>
internal sealed class PlotAxis
{
    private const int MostTicks = 8;
    private readonly double least;
    private readonly double most;
    private readonly double logarithmBase;

    private PlotAxis(double least, double most, double[] ticks, double logarithmBase)
    {
        this.least = least;
        this.most = most;
        Ticks = ticks;
        this.logarithmBase = logarithmBase;
    }

    /// <summary>Values with a label.</summary>
    public double[] Ticks { get; }

    private bool IsLogarithmic => logarithmBase > 0;

    /// <summary>A linear axis from 0 to at least the largest value.</summary>
    public static PlotAxis Linear(IEnumerable<double> values)
    {
        double largest = values.DefaultIfEmpty(1).Max();
        double step = RoundStep(largest > 0 ? largest / MostTicks : 0.125);
        int count = Math.Max(1, (int)Math.Ceiling((largest / step) - 1e-9));
        return new PlotAxis(0, count * step, [.. Enumerable.Range(0, count + 1).Select(tick => tick * step)], 0);
    }

    /// <summary>A logarithmic axis between powers of <paramref name="logarithmBase"/> around the values, which have to be positive.</summary>
    public static PlotAxis Logarithmic(IEnumerable<double> values, double logarithmBase)
    {
        double[] known = [.. values];
        int low = (int)Math.Floor(Math.Log(known.Min(), logarithmBase) + 1e-9);
        int high = Math.Max(low + 1, (int)Math.Ceiling(Math.Log(known.Max(), logarithmBase) - 1e-9));
        int step = ((high - low) / (2 * MostTicks)) + 1;
        double[] ticks = [.. Enumerable.Range(low, high - low + 1).Where(exponent => (exponent - low) % step == 0).Select(exponent => Math.Pow(logarithmBase, exponent))];
        return new PlotAxis(Math.Pow(logarithmBase, low), Math.Pow(logarithmBase, high), ticks, logarithmBase);
    }

    /// <summary>0 at the axis's start, 1 at its end.</summary>
    public double Position(double value) => IsLogarithmic
        ? Math.Log(value / least) / Math.Log(most / least)
        : (value - least) / (most - least);

    /// <summary>A tick's text: 0.002, 15, 20k.</summary>
    public static string Label(double value) => Math.Abs(value) >= 10_000
        ? (value / 1_000).ToString("0.##k", CultureInfo.InvariantCulture)
        : ((decimal)value).ToString("0.#######", CultureInfo.InvariantCulture);

    /// <summary>1, 2 or 5 times a power of ten, at least <paramref name="rough"/>.</summary>
    private static double RoundStep(double rough)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        foreach (double factor in (double[])[1, 2, 5])
        {
            if (factor * power >= rough * (1 - 1e-9))
                return factor * power;
        }
        return 10 * power;
    }
}
