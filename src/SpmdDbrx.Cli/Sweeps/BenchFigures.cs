using SpmdDbrx.Cli.Benchmarks;
using SpmdDbrx.Engine;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>One row of bench as a report reads it. A column that is missing is an <see cref="InvalidInputException"/> that names file, line and column.</summary>
/// <param name="Row">The row, as bench prints it with -o jsonl.</param>
internal sealed record BenchFigures(JsonField Row)
{
    private const double Most = 1e15;

    /// <summary>Mean over the repetitions.</summary>
    public double TokensPerSecond => Number(BenchKey.TokensPerSecond, "tokens/s");

    /// <summary>Running experts, seconds a token.</summary>
    public double MoeSeconds => Number(BenchKey.MoeMilliseconds, "ms") / 1e3;

    /// <summary>Exchanging and waiting, seconds a token.</summary>
    public double CommunicationSeconds => Number(BenchKey.CommunicationMilliseconds, "ms") / 1e3;

    /// <summary>Everything else, seconds a token.</summary>
    public double MiscSeconds => Number(BenchKey.MiscMilliseconds, "ms") / 1e3;

    /// <summary>Seconds a token.</summary>
    public double Seconds => MoeSeconds + CommunicationSeconds + MiscSeconds;

    /// <summary>Part of the time that is communication.</summary>
    public double CommunicationShare => CommunicationSeconds / Seconds;

    /// <summary>Experts that the busiest rank ran in a layer, if <see cref="CountsAllRanks"/>; else those of rank 0.</summary>
    public double BusiestExperts => Number(BenchKey.BusiestExperts, "experts");

    /// <summary>Whether the count is that of all ranks: what rank 0 counts alone, as bench once did with busy-full, can be less than the mean.</summary>
    public bool CountsAllRanks => BusiestExperts >= MeanExperts - 1e-9;

    /// <summary>Experts that a rank ran in a layer.</summary>
    public double MeanExperts => Number(BenchKey.MeanExperts, "experts");

    /// <summary>Collective calls a layer.</summary>
    public double Communications => Number(BenchKey.Communications, "calls");

    /// <summary>Bytes that rank 0 handed to them a layer.</summary>
    public double Bytes => Number(BenchKey.PayloadBytes, "bytes");

    /// <summary>The performance model's word; null = there was none.</summary>
    public double? PredictedTokensPerSecond => Row.Optional(BenchKey.PredictedTokensPerSecond)?.Number(0, Most, "tokens/s");

    /// <summary>How far that is off the median of the repetitions: predicted over measured, less 1.</summary>
    public double? PredictionError => Row.Optional(BenchKey.PredictionErrorPercent)?.Number(-100, Most, "percent") / 100;

    private double Number(string key, string unit) => Row[key].Number(0, Most, unit);
}
