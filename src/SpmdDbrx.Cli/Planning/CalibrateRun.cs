using System.Globalization;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Reports;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Planning;

/// <summary><c>estimate --calibrate</c>: every rank measures, rank 0 writes the file and prints it.</summary>
internal static class CalibrateRun
{
    /// <summary>The file is for no model in particular.</summary>
    private const int DbrxHiddenDim = 6_144;

    public static int Execute(string file, DeviceOptions options, LoggingOptions logging, string format) => RankProgram.Run(logging, HeartbeatOptions.DefaultSeconds, world =>
    {
        using IDevice device = options.Create(world);
        ClusterCalibration calibration = ClusterCalibration.Measure(world, device, DbrxHiddenDim);
        if (world.Rank == 0)
        {
            using (PendingFile pending = new(file))
            {
                CalibrationFile.Write(pending.Stream, calibration);
                pending.Complete();
            }
            ReportFormat.Print(format, [("measured", Table(file, calibration))]);
        }
        world.Barrier();
        return ExitCode.Done;
    });

    private static ReportTable Table(string file, ClusterCalibration calibration)
    {
        ReportTable table = new($"{calibration.Hardware.MemoryBytesPerSecond.Source}; written to {file}", "figure", "value", "unit");
        Add("memory bandwidth of a node", calibration.Hardware.MemoryBytesPerSecond, 1e-9, "GB/s");
        if (calibration.Hardware.AloneBytesPerSecond is { } alone)
            Add("of a rank alone", alone, 1e-9, "GB/s");
        Add("share that decoding reaches", calibration.Software.BandwidthFraction, 1, "");
        Add("peak of a node", calibration.Hardware.FlopPerSecond, 1e-9, "GFLOP/s");
        Add("share that prefill reaches", calibration.Software.ComputeFraction, 1, "");
        Add("hand-over", calibration.Software.HandOverSeconds, 1e6, "µs");
        if (calibration.Network is { } network)
        {
            Add("all-reduce latency", network.LatencySeconds, 1e6, "µs");
            Add("all-reduce bandwidth", network.BytesPerSecond, 8e-9, "Gbit/s");
        }
        return table;

        void Add(string name, Figure figure, double scale, string unit) => table.Add(name, (figure.Value * scale).ToString("G4", CultureInfo.InvariantCulture), unit);
    }
}
