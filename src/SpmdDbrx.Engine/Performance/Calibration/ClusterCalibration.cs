using System.Globalization;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>The cluster a job runs on, measured in about two seconds: inputs for <see cref="PerformanceModel"/> and for the choice of a deployment.</summary>
/// <param name="Hardware">The slowest node, with all its ranks working at once.</param>
/// <param name="Network">Between the ranks; null for one rank.</param>
/// <param name="Software">How far this program stays below that.</param>
/// <param name="RanksPerNode">Ranks of the fullest node.</param>
public sealed record ClusterCalibration(Hardware Hardware, Network? Network, Software Software, int RanksPerNode)
{
    /// <summary>How MPI libraries sum.</summary>
    private const AllReduceAlgorithm Algorithm = AllReduceAlgorithm.Fastest;

    /// <summary>Measures; a collective call, every rank gets the same result.</summary>
    /// <param name="world">All ranks.</param>
    /// <param name="device">This rank's processor.</param>
    /// <param name="tokenFloats">Floats that the ranks sum for a token: the model's d_model.</param>
    public static ClusterCalibration Measure(Intracommunicator world, IDevice device, int tokenFloats)
    {
        using Intracommunicator host = world.SplitByHost();
        (DeviceRates rates, double aloneBytesPerSecond) = MeasureNode(world, host, device);
        int ranksPerNode = (int)Reduced(world, host.Size, Operation<double>.Max);
        double memoryBytes = Reduced(world, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, Operation<double>.Min);
        AllReduceTimes? times = world.Size > 1 ? AllReduceTimes.Measure(world, tokenFloats) : null;
        string source = string.Create(CultureInfo.InvariantCulture,
            $"measured {DateTime.UtcNow:yyyy-MM-dd}, {world.Size} ranks, {ranksPerNode} a node, {device.Description}");
        Network? network = times is null ? null : Link(times, source);
        return new ClusterCalibration(Node(rates, aloneBytesPerSecond, memoryBytes, source), network, Program(rates, source), ranksPerNode);
    }

    /// <summary>The same program and network on nodes as fast as measured now.</summary>
    /// <param name="readBytesPerSecond">All ranks together.</param>
    /// <param name="flopPerSecond">All ranks together.</param>
    /// <param name="rankCount">Ranks.</param>
    public ClusterCalibration WithRates(double readBytesPerSecond, double flopPerSecond, int rankCount)
    {
        const string source = "probed beside the test";
        double nodes = Math.Ceiling((double)rankCount / RanksPerNode);
        return this with
        {
            Hardware = Hardware with
            {
                MemoryBytesPerSecond = new Figure(readBytesPerSecond / nodes, source),
                FlopPerSecond = new Figure(flopPerSecond / nodes, source),
            },
        };
    }

    /// <summary>Rates of the slowest node, the sum over its ranks, which measure at the same time; and of the slowest rank alone.</summary>
    private static (DeviceRates Rates, double AloneBytesPerSecond) MeasureNode(Intracommunicator world, Intracommunicator host, IDevice device)
    {
        DeviceMeasurement? measurement = null;
        DeviceRates own = null!;
        double alone = 0;
        try
        {
            RankAgreement.Step(world, "making room for a measurement", () => measurement = new DeviceMeasurement(device));
            RankAgreement.Step(world, "measuring its device", () => own = measurement!.Run());
            for (int rank = 0; rank < world.Size; rank++)
                RankAgreement.Step(world, "measuring its device alone", () => alone = rank == world.Rank ? measurement!.ReadBytesPerSecond() : alone);
        }
        finally
        {
            measurement?.Dispose();
        }
        double[] rates = [own.ReadBytesPerSecond, own.FlopPerSecond];
        host.Allreduce(rates.AsSpan(), Operation<double>.Add);
        world.Allreduce(rates.AsSpan(), Operation<double>.Min);
        double[] shares = [own.DecodeShare / world.Size, own.PrefillShare / world.Size];
        world.Allreduce(shares.AsSpan(), Operation<double>.Add);
        DeviceRates node = new(rates[0], shares[0], rates[1], shares[1], Reduced(world, own.HandOverSeconds, Operation<double>.Max));
        return (node, Reduced(world, alone, Operation<double>.Min));
    }

    private static Hardware Node(DeviceRates rates, double aloneBytesPerSecond, double memoryBytes, string source) => new()
    {
        Name = "measured",
        Title = "this machine",
        MemoryBytes = new Figure(memoryBytes, source),
        UsableMemoryBytes = new Figure(memoryBytes, source),
        MemoryBytesPerSecond = new Figure(rates.ReadBytesPerSecond, $"{source}: reading 264 MB"),
        AloneBytesPerSecond = new Figure(aloneBytesPerSecond, $"{source}: the same, one rank after the other"),
        FlopPerSecond = new Figure(rates.FlopPerSecond, $"{source}: multiply-adds as prefill runs them, or expert products where these are not probed"),
    };

    private static Network Link(AllReduceTimes times, string source)
    {
        (double latency, double bytesPerSecond) = times.Fit(Algorithm);
        string what = string.Create(CultureInfo.InvariantCulture,
            $"{source}: all-reduce of {times.TokenFloats} floats in {times.TokenSeconds * 1e6:F1} us, of {AllReduceTimes.BatchTokens} times as many in {times.BatchSeconds * 1e6:F0} us");
        return new Network
        {
            Name = "measured",
            Title = "this job's network",
            LatencySeconds = new Figure(latency, what),
            BytesPerSecond = new Figure(bytesPerSecond, what),
        };
    }

    private static Software Program(DeviceRates rates, string source) => new()
    {
        Name = "measured",
        Title = "this program",
        BandwidthFraction = new Figure(Math.Min(1, rates.DecodeShare), $"{source}: experts of one token against reading just before"),
        ComputeFraction = new Figure(Math.Min(1, rates.PrefillShare), $"{source}: expert products of 256 tokens against the peak just before"),
        HandOverSeconds = new Figure(rates.HandOverSeconds, $"{source}: a third of a layer of tiny matrices"),
        LatenciesPerRequest = new Figure(1, "MPI messages are not acknowledged"),
        MessageSeconds = new Figure(0, "in the measured latency"),
        BatchesPrefill = true,
        AllReduce = Algorithm,
        ExchangesExpertOutputs = false,
        BytesPerValue = new Figure(sizeof(float), "float32 sums"),
        KvBytesPerValue = new Figure(sizeof(float), "float32 cache"),
    };

    private static double Reduced(Intracommunicator world, double value, Operation<double> operation)
    {
        double[] values = [value];
        world.Allreduce(values.AsSpan(), operation);
        return values[0];
    }
}
