using System.Globalization;
using System.Text;

namespace SpmdDbrx.Engine.Probe;

/// <summary>The benchmark's result as a Markdown table: a row a wait, a column a strategy, milliseconds a sample.</summary>
public static class ProbeTable
{
    public static string Format(IReadOnlyList<ProbeSample> samples)
    {
        string[] subjects = [.. samples.Select(sample => sample.Subject).Distinct()];
        StringBuilder text = new();
        text.Append("| wait (ms) |").AppendJoin("|", subjects.Select(subject => $" {subject} ")).AppendLine("|");
        text.Append("|---:|").AppendJoin("|", subjects.Select(_ => "---:")).AppendLine("|");
        foreach (IGrouping<double, ProbeSample> row in samples.GroupBy(sample => sample.WaitMilliseconds))
        {
            string wait = row.Key == 0 ? "first load" : row.Key.ToString("0", CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"| {wait} |");
            foreach (string subject in subjects)
            {
                ProbeSample? sample = row.FirstOrDefault(candidate => candidate.Subject == subject);
                text.Append(CultureInfo.InvariantCulture, $" {sample?.MillisecondsPerSample:0.0} |");
            }
            text.AppendLine();
        }
        return text.ToString();
    }
}
