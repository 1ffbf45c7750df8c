using System.Text.Json.Nodes;
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
/// <param name="PredictedTokensPerSecond">The performance model's word, from a calibration of the same ranks.</param>
internal sealed record BenchRow(RankSession Session, string StrategyName, BenchmarkResult Result, double PredictedTokensPerSecond)
{
    /// <summary>Column names and cells, in order; the first seven are llama-bench's.</summary>
    public IReadOnlyList<(string Name, string Cell, JsonNode Value)> Columns
    {
        get
        {
            PhaseStatistics total = Total();
            double tokens = total.Tokens;
            double error = (PredictedTokensPerSecond / Result.Median) - 1;
            return
            [
                Text("model", $"{Session.Model.Config.Architecture} {Path.GetFileName(Path.TrimEndingDirectorySeparator(Session.Model.Path))}"),
                Number("size", SizeBytes / 1e9, "F2", " GB"),
                Number("params", ParameterCount / 1e9, "F2", " B"),
                Text("backend", $"{Session.Device.Name}: {Session.Device.Description}"),
                Number("ranks", Session.World.Size, "F0"),
                Text("test", Result.Test.ToString()),
                ("t/s", $"{Result.TokensPerSecond:F2} ± {Result.Deviation:F2}", Result.TokensPerSecond),
                Number("median t/s", Result.Median, "F2"),
                Text("strategy", $"{StrategyName}{(Session.Options.Partition == Partition.Slices ? " slices" : "")}"),
                Number("GB/s", Result.BytesPerSecond / 1e9, "F1"),
                Number("% of read", 100 * Result.ShareOfRead, "F1"),
                Number("GFLOP/s", Result.FlopPerSecond / 1e9, "F1"),
                Number("% of peak", 100 * Result.ShareOfPeak, "F1"),
                Number("MoE ms", 1e3 * total.ExpertSeconds / tokens, "F3"),
                Number("comm. ms", 1e3 * total.CommunicationSeconds / tokens, "F3"),
                Number("misc. ms", 1e3 * total.MiscSeconds / tokens, "F3"),
                Number("experts/layer", (double)total.BusiestRankExperts / total.Layers, "F3"),
                Number("mean experts/layer", Result.MeanExperts, "F3"),
                Number("communications/layer", Result.CommunicationsPerLayer, "F3"),
                Number("bytes/layer", Result.PayloadBytesPerLayer, "F0"),
                Number("predicted t/s", PredictedTokensPerSecond, "F2"),
                Number("error %", 100 * error, "F1"),
                Number("read GB/s", Known(Result.Machine.ReadBytesPerSecond) / 1e9, "F1"),
                Number("peak GFLOP/s", Known(Result.Machine.PeakFlopPerSecond) / 1e9, "F1"),
                Text("commit", ProgramVersion.Commit),
            ];
        }
    }

    // JSON has no infinity.
    private static double Known(double rate) => double.IsFinite(rate) ? rate : 0;

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
            Layers = samples.Sum(sample => sample.Layers),
            BusiestRankExperts = samples.Sum(sample => sample.BusiestRankExperts),
        };
    }

    private static (string Name, string Cell, JsonNode Value) Text(string name, string value) => (name, value, value);

    private static (string Name, string Cell, JsonNode Value) Number(string name, double value, string format, string unit = "") =>
        (name, value.ToString(format, System.Globalization.CultureInfo.InvariantCulture) + unit, value);
}
