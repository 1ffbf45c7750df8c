using SpmdDbrx.Engine.Performance.Reports;

namespace SpmdDbrx.Engine.Probe;

/// <summary>The benchmark's results as the paper shows them.</summary>
/// <param name="samples">Points of all subjects.</param>
/// <param name="device">Device and clock, in words.</param>
/// <param name="options">What was measured.</param>
public sealed class ProbeReport(IReadOnlyList<ProbeSample> samples, string device, ProbeOptions options)
{
    private readonly string[] subjects = [.. samples.Select(sample => sample.Subject).Distinct()];

    private string Sizes => $"{options.LayerCount} layers of 3 × [{options.ExpertHiddenDim}, {options.HiddenDim}] bfloat16; the waits themselves are not counted";

    /// <summary>A row a wait, a column a strategy, milliseconds a sample; wait 0 is the first load.</summary>
    public ReportTable Table()
    {
        ReportTable table = new($"{device}: ms a sample; {Sizes}", ["wait (ms)", .. subjects]);
        foreach (IGrouping<double, ProbeSample> row in samples.GroupBy(sample => sample.WaitMilliseconds))
            table.Add([row.Key, .. subjects.Select(subject => Math.Round(row.Single(sample => sample.Subject == subject).MillisecondsPerSample, 2))]);
        return table;
    }

    /// <summary>Figure 4: time a sample against the wait, both logarithmic; the first load is in the table only.</summary>
    public SvgPlot Plot()
    {
        SvgPlot plot = new($"Driver processing: {device}", Sizes, "wait after every layer (ms)", "time per sample (ms)")
        {
            XLogarithmBase = 2,
            YLogarithmBase = 10,
        };
        foreach (string subject in subjects)
        {
            plot.Add(subject, [.. samples.Where(sample => sample.Subject == subject && sample.WaitMilliseconds > 0)
                .Select(sample => (sample.WaitMilliseconds, sample.MillisecondsPerSample))]);
        }
        return plot;
    }
}
