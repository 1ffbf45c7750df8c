using System.Text.Json.Nodes;
using SpmdDbrx.Cli.Benchmarks;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>One row of bench as a report reads it.</summary>
/// <param name="Row">The row, as bench prints it with -o jsonl.</param>
internal sealed record BenchFigures(JsonObject Row)
{
    /// <summary>Mean over the repetitions.</summary>
    public double TokensPerSecond => Number(BenchKey.TokensPerSecond);

    /// <summary>Running experts, seconds a token.</summary>
    public double MoeSeconds => Number(BenchKey.MoeMilliseconds) / 1e3;

    /// <summary>Exchanging and waiting, seconds a token.</summary>
    public double CommunicationSeconds => Number(BenchKey.CommunicationMilliseconds) / 1e3;

    /// <summary>Everything else, seconds a token.</summary>
    public double MiscSeconds => Number(BenchKey.MiscMilliseconds) / 1e3;

    /// <summary>Seconds a token.</summary>
    public double Seconds => MoeSeconds + CommunicationSeconds + MiscSeconds;

    /// <summary>Part of the time that is communication.</summary>
    public double CommunicationShare => CommunicationSeconds / Seconds;

    /// <summary>Experts that the busiest rank ran in a layer.</summary>
    public double BusiestExperts => Number(BenchKey.BusiestExperts);

    /// <summary>Experts that a rank ran in a layer.</summary>
    public double MeanExperts => Number(BenchKey.MeanExperts);

    /// <summary>Collective calls a layer.</summary>
    public double Communications => Number(BenchKey.Communications);

    /// <summary>Bytes that rank 0 handed to them a layer.</summary>
    public double Bytes => Number(BenchKey.PayloadBytes);

    /// <summary>The performance model's word.</summary>
    public double PredictedTokensPerSecond => Number(BenchKey.PredictedTokensPerSecond);

    /// <summary>How far that is off: predicted over measured, less 1.</summary>
    public double PredictionError => (PredictedTokensPerSecond / TokensPerSecond) - 1;

    private double Number(string name) => Row[name]!.GetValue<double>();
}
