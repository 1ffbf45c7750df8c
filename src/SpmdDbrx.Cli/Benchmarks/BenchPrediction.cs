using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Benchmarks;

/// <summary>What the performance model says of a test.</summary>
internal static class BenchPrediction
{
    // A single rank sends nothing.
    private static readonly Network NoNetwork = new()
    {
        Name = "none",
        Title = "one rank",
        LatencySeconds = new Figure(0, "one rank"),
        BytesPerSecond = new Figure(double.PositiveInfinity, "one rank"),
    };

    /// <summary>Predicted tokens a second, from network and program as calibrated at the start and bandwidth and peak as probed beside the test,
    /// since a shared host's change within minutes.</summary>
    /// <param name="session">What ran.</param>
    /// <param name="calibration">Of the same ranks.</param>
    /// <param name="result">Test and probes.</param>
    public static double TokensPerSecond(RankSession session, ClusterCalibration calibration, BenchmarkResult result)
    {
        BenchmarkTest test = result.Test;
        if (result.Machine != MachineRates.Unknown)
            calibration = calibration.WithRates(result.Machine.ReadBytesPerSecond, result.Machine.PeakFlopPerSecond, session.World.Size);
        Deployment deployment = Deployment.Of(session.Model, session.Sharing, session.Options, session.Placement);
        Workload workload = new(test.Tokens, test.Depth + (test.Tokens / 2)) { BatchTokens = session.Decoder.BatchCapacity, PromptDepth = test.Depth };
        Prediction prediction = PerformanceModel.Predict(
            ModelShape.From("model", session.Model.Config), calibration.Hardware, calibration.Network ?? NoNetwork, calibration.Software, deployment, workload);
        return test.IsPrompt ? prediction.PromptTokensPerSecond : prediction.TokensPerSecond;
    }
}
