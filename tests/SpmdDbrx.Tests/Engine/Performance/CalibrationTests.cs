using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class CalibrationTests
{
    [Theory]
    [InlineData(2, 6e-6, 3.2e9)]
    [InlineData(3, 1e-3, 1.25e9)]
    [InlineData(4, 60e-6, 3e9)]
    [InlineData(8, 0.75e-6, 25e9)]
    public void Fit_TimesOfTheModel_GivesBackItsLatencyAndBandwidth(int ranks, double latency, double bytesPerSecond)
    {
        Network network = Catalogue.Network("10gbe") with { LatencySeconds = new Figure(latency, "test"), BytesPerSecond = new Figure(bytesPerSecond, "test") };
        const int TokenFloats = 2048, BatchFloats = AllReduceTimes.BatchTokens * TokenFloats;
        AllReduceTimes times = new(ranks, TokenFloats, Seconds(TokenFloats), Seconds(BatchFloats));
        (double fittedLatency, double fittedBytesPerSecond) = times.Fit(AllReduceAlgorithm.Fastest);
        Network fitted = network with { LatencySeconds = new Figure(fittedLatency, "fit"), BytesPerSecond = new Figure(fittedBytesPerSecond, "fit") };
        Assert.Equal(times.TokenSeconds, Modelled(fitted, TokenFloats), 0.02 * times.TokenSeconds);
        Assert.Equal(times.BatchSeconds, Modelled(fitted, BatchFloats), 0.02 * times.BatchSeconds);
        Assert.Equal(bytesPerSecond, fittedBytesPerSecond, 0.1 * bytesPerSecond);

        double Seconds(int floats) => Modelled(network, floats);

        double Modelled(Network link, int floats) => AllReduceCost.Of(AllReduceAlgorithm.Fastest, ranks, 4.0 * floats, 0, link, 0).Seconds;
    }

    [Fact]
    public void Measure_TwoRanks_GivesAFileThatTheCatalogueReads()
    {
        using TemporaryDirectory folder = new();
        string file = folder["measured.json"];
        ClusterCalibration?[] results = new ClusterCalibration?[2];
        InProcessWorld.Run(2, world =>
        {
            using CpuDevice device = new(1);
            results[world.Rank] = ClusterCalibration.Measure(world, device, 2048);
            if (world.Rank == 0)
                Save(file, results[0]!);
        });
        Assert.Equal(results[0]!.Hardware.MemoryBytesPerSecond.Value, results[1]!.Hardware.MemoryBytesPerSecond.Value);
        Hardware hardware = Catalogue.Hardware(file);
        Network network = Catalogue.Network(file);
        Software software = Catalogue.Software(file);
        Assert.InRange(hardware.MemoryBytesPerSecond.Value / results[0]!.Hardware.MemoryBytesPerSecond.Value, 0.999, 1.001);
        Assert.InRange(hardware.MemoryBytesPerSecond.Value, 0.2e9, 5e12);
        Assert.InRange(hardware.AloneBytesPerSecond!.Value.Value, 0.2e9, 5e12);
        Assert.InRange(hardware.FlopPerSecond.Value, 0.2e9, 1e14);
        Assert.InRange(network.LatencySeconds.Value, 1e-9, 1);
        Assert.Equal(AllReduceAlgorithm.Fastest, software.AllReduce);
        Prediction prediction = PerformanceModel.Predict(
            Catalogue.Model(RepositoryPaths.TinyModel), hardware, network, software, new Deployment { RankCount = 2, RanksPerNode = 2 }, new Workload(16, 16));
        Assert.True(double.IsFinite(prediction.TokensPerSecond) && prediction.TokensPerSecond > 0);
    }

    [Fact]
    public void Measure_OneRank_HasNoNetwork()
    {
        using TemporaryDirectory folder = new();
        using SingleRankCommunicator world = new();
        using CpuDevice device = new(2);
        Save(folder["one.json"], ClusterCalibration.Measure(world, device, 2048));
        Assert.False(Catalogue.Holds(folder["one.json"], "network"));
        Assert.True(Catalogue.Holds(folder["one.json"], "hardware"));
    }

    private static void Save(string file, ClusterCalibration calibration)
    {
        using FileStream stream = File.Create(file);
        CalibrationFile.Write(stream, calibration);
    }
}
