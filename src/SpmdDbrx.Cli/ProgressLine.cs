using System.Diagnostics;

namespace SpmdDbrx.Cli;

/// <summary>Progress on standard error: a bar on a terminal, else one line per 10 s.</summary>
internal sealed class ProgressLine : IDisposable
{
    private const int BarWidth = 32;
    private static readonly TimeSpan TerminalPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LogPeriod = TimeSpan.FromSeconds(10);

    private readonly string what;
    private readonly long total;
    private readonly bool enabled;
    private readonly bool terminal = !Console.IsErrorRedirected && System.Environment.GetEnvironmentVariable("TERM") is not ("dumb" or null);
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private TimeSpan lastPrint;
    private long done;
    private bool printed;

    /// <param name="what">What is being done.</param>
    /// <param name="total">Units in all.</param>
    /// <param name="enabled">False on ranks that do not print.</param>
    public ProgressLine(string what, long total, bool enabled = true)
    {
        this.what = what;
        this.total = Math.Max(1, total);
        this.enabled = enabled;
    }

    /// <summary>Some more units are done.</summary>
    public void Advance(long units) => Report(done + units, what);

    /// <summary>So many units are done in all.</summary>
    /// <param name="doneUnits">Units done.</param>
    /// <param name="current">What is being done now.</param>
    public void Report(long doneUnits, string current)
    {
        done = doneUnits;
        if (!enabled || clock.Elapsed - lastPrint < (terminal ? TerminalPeriod : LogPeriod))
            return;
        lastPrint = clock.Elapsed;
        printed = true;
        double share = Math.Min(1, (double)done / total);
        double remaining = share > 0 ? clock.Elapsed.TotalSeconds * (1 - share) / share : 0;
        string text = $"{current} {share,4:P0}, {remaining:F0} s left";
        if (!terminal)
        {
            Console.Error.WriteLine(text);
            return;
        }
        int filled = (int)(share * BarWidth);
        Console.Error.Write($"\r[{new string('#', filled)}{new string('.', BarWidth - filled)}] {text}\e[K");
    }

    /// <summary>Takes the bar away.</summary>
    public void Dispose()
    {
        if (printed && terminal)
            Console.Error.Write("\r\e[K");
        printed = false;
    }
}
