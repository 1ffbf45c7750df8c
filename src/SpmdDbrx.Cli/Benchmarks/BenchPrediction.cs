using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Benchmarks;

/// <summary>What the performance model says of a test.</summary>
/// <param name="TokensPerSecond">Predicted; median over the repetitions.</param>
/// <param name="Error">Predicted by measured, less one; median over the repetitions, each with the machine as it was beside it.</param>
internal sealed record BenchPrediction(double TokensPerSecond, double Error)
{
    // A single rank sends nothing.
    private static readonly Network NoNetwork = new()
    {
        Name = "none",
        Title = "one rank",
        LatencySeconds = new Figure(0, "one rank"),
        BytesPerSecond = new Figure(double.PositiveInfinity, "one rank"),
    };

    /// <summary>From network and program as calibrated at the start, and bandwidth and peak as probed just before and after each repetition,
    /// since a shared host's change within seconds.</summary>
    /// <param name="session">What ran.</param>
    /// <param name="calibration">Of the same ranks.</param>
    /// <param name="result">Test and probes.</param>
    public static BenchPrediction Of(RankSession session, ClusterCalibration calibration, BenchmarkResult result)
    {
        double[] predicted = [.. result.RatesBeside.Select(rates => TokensPerSecondAt(
            session, rates == MachineRates.Unknown ? calibration : calibration.WithRates(rates.ReadBytesPerSecond, rates.PeakFlopPerSecond, session.World.Size), result.Test))];
        return new BenchPrediction(Median.Of(predicted), Median.Of(predicted.Zip(result.Rates, (model, measured) => (model / measured) - 1)));
    }

    private static double TokensPerSecondAt(RankSession session, ClusterCalibration calibration, BenchmarkTest test)
    {
        Deployment deployment = Deployment.Of(session.Model, session.Sharing, session.Options, session.Placement) with { RunsTogether = session.Teams.Any };
        Workload workload = new(test.Tokens, test.Depth + (test.Tokens / 2)) { BatchTokens = session.Decoder.BatchCapacity, PromptDepth = test.Depth };
        Prediction prediction = PerformanceModel.Predict(
            ModelShape.From("model", session.Model.Config), calibration.Hardware, calibration.Network ?? NoNetwork, calibration.Software, deployment, workload);
        return test.IsPrompt ? prediction.PromptTokensPerSecond : prediction.TokensPerSecond;
    }
}
