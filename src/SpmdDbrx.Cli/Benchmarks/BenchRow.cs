using System.Globalization;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Benchmarks;

/// <summary>One line of the benchmark: what was measured, on what, and what the performance model had predicted.</summary>
/// <param name="Session">Model and strategy.</param>
/// <param name="StrategyName">The preset.</param>
/// <param name="Result">Measurement.</param>
/// <param name="Prediction">The performance model's word, from a calibration of the same ranks; null = nothing was measured to predict from.</param>
internal sealed record BenchRow(RankSession Session, string StrategyName, BenchmarkResult Result, BenchPrediction? Prediction)
{
    /// <summary>The columns, in order; the first seven are llama-bench's.</summary>
    public IReadOnlyList<BenchColumn> Columns
    {
        get
        {
            PhaseStatistics total = Total();
            double tokens = total.Tokens;
            return
            [
                BenchColumn.Text("model", "model", $"{Session.Model.Config.Architecture} {Path.GetFileName(Path.TrimEndingDirectorySeparator(Session.Model.Path))}"),
                BenchColumn.Number("size", "size", SizeBytes / 1e9, "F2", " GB"),
                BenchColumn.Number("params", "params", ParameterCount / 1e9, "F2", " B"),
                BenchColumn.Text("backend", "backend", $"{Session.Device.Name}: {Session.Device.Description}"),
                BenchColumn.Number("ranks", "ranks", Session.World.Size, "F0"),
                BenchColumn.Text(BenchKey.Test, "test", Result.Test.ToString()),
                new BenchColumn(
                    BenchKey.TokensPerSecond, "t/s", string.Create(CultureInfo.InvariantCulture, $"{Result.TokensPerSecond:F2} ± {Result.Deviation:F2}"),
                    Result.TokensPerSecond, IsNumber: true),
                new BenchColumn("deviation_t_s", "deviation t/s", Cell: null, Result.Deviation, IsNumber: true),
                BenchColumn.Number("median_t_s", "median t/s", Result.MedianTokensPerSecond, "F2"),
                BenchColumn.Text("strategy", "strategy", $"{StrategyName}{(Session.Options.Partition == Partition.Slices ? " slices" : "")}"),
                BenchColumn.Number("gb_s", "GB/s", Result.BytesPerSecond / 1e9, "F1"),
                BenchColumn.Number("percent_of_read", "% of read", IfProbed(100 * Result.ShareOfRead), "F1"),
                BenchColumn.Number("gflop_s", "GFLOP/s", Result.FlopPerSecond / 1e9, "F1"),
                BenchColumn.Number("percent_of_peak", "% of peak", IfProbed(100 * Result.ShareOfPeak), "F1"),
                BenchColumn.Number(BenchKey.MoeMilliseconds, "MoE ms", 1e3 * total.ExpertSeconds / tokens, "F3"),
                BenchColumn.Number(BenchKey.CommunicationMilliseconds, "comm. ms", 1e3 * total.CommunicationSeconds / tokens, "F3"),
                BenchColumn.Number(BenchKey.MiscMilliseconds, "misc. ms", 1e3 * total.MiscSeconds / tokens, "F3"),
                BenchColumn.Number(BenchKey.BusiestExperts, "experts/layer", Result.BusiestExperts, "F3"),
                BenchColumn.Number(BenchKey.MeanExperts, "mean experts/layer", Result.MeanExperts, "F3"),
                BenchColumn.Number(BenchKey.Communications, "communications/layer", Result.CommunicationsPerLayer, "F3"),
                BenchColumn.Number(BenchKey.PayloadBytes, "bytes/layer", Result.PayloadBytesPerLayer, "F0"),
                BenchColumn.Number(BenchKey.PredictedTokensPerSecond, "predicted t/s", Prediction?.TokensPerSecond, "F2"),
                BenchColumn.Number(BenchKey.PredictionErrorPercent, "error %", 100 * Prediction?.Error, "F1"),
                BenchColumn.Number("read_gb_s", "read GB/s", IfProbed(Result.Machine.ReadBytesPerSecond / 1e9), "F1"),
                BenchColumn.Number("peak_gflop_s", "peak GFLOP/s", IfProbed(Result.Machine.PeakFlopPerSecond / 1e9), "F1"),
                BenchColumn.Text("commit", "commit", ProgramVersion.Commit),
            ];
        }
    }

    // GPUs are not probed, nor is anything with --no-probe.
    private double? IfProbed(double value) => Result.Machine == MachineRates.Unknown ? null : value;

    private double ParameterCount => ModelShape.From("model", Session.Model.Config).TotalWeights;

    private double SizeBytes => ParameterCount * Session.Model.Config.WeightType.ElementBytes();

    private PhaseStatistics Total()
    {
        PhaseStatistics[] samples = [.. Result.Samples];
        return samples[0] with
        {
            Tokens = samples.Sum(sample => sample.Tokens),
            Seconds = samples.Sum(sample => sample.Seconds),
            ExpertSeconds = samples.Sum(sample => sample.ExpertSeconds),
            CommunicationSeconds = samples.Sum(sample => sample.CommunicationSeconds),
        };
    }
}
