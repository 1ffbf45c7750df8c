using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Model;
using SpmdDbrx.Tests.Model;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>doctor as the owner of a new machine runs it.</summary>
public sealed class DoctorTests : IDisposable
{
    /// <summary>A model of over 4 TB; its files are sparse.</summary>
    private static readonly ModelConfig Enormous = SmallCheckpoint.Config with { HiddenDim = 32_768, HeadCount = 256, HeadDim = 128, ExpertHiddenDim = 2_000_000 };

    private readonly TemporaryDirectory folder = new();

    public void Dispose() => folder.Dispose();

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(2)]
    public void Doctor_ModelThatFits_EndsWithOk(int ranks)
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        SpmdProgram.Outcome outcome = SpmdProgram.Run(ranks, "doctor", "--model", RepositoryPaths.TinyModel);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Errors));
        string[] lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal("ok", lines[^1]);
        foreach (int rank in Enumerable.Range(0, Math.Max(1, ranks)))
            Assert.Contains($"rank {rank} on {System.Environment.MachineName}", lines);
        Assert.Contains(lines, line => line.StartsWith("processor", StringComparison.Ordinal) && line.Contains($"{System.Environment.ProcessorCount} cores", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("MPI ", StringComparison.Ordinal) && !line.Contains("none", StringComparison.Ordinal));
    }

    [SkippableFact]
    public void Doctor_ModelThatDoesNotFit_SaysWhatToMendAndFails()
    {
        Skip.IfNot(SpmdProgram.HasMpi, "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test");
        string model = SparseCheckpoint.Write(folder["in"], Enormous);

        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "doctor", "--model", model);

        Assert.Equal(1, outcome.ExitCode);
        string mend = outcome.Output[outcome.Output.IndexOf("to mend:", StringComparison.Ordinal)..];
        Assert.Contains("do not fit in", mend, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Doctor_OnMetal_NamesTheLimits()
    {
        Skip.IfNot(MetalDevice.IsAvailable && SpmdProgram.HasMpi, "no Metal device or no MPI: start the tests with run.sh test");
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "doctor", "--device", "metal", "--model", RepositoryPaths.TinyModel);

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Errors));
        Assert.Contains("working set", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("longest buffer", outcome.Output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(50_000, "do not fit in 137.4 GB; start at least 2 ranks, one a machine, or run: sudo sysctl iogpu.wired_limit_mb=153600")] // 149.5 GiB
    [InlineData(2_000_000, "no number of ranks is enough: even 5 need 1.2 TB each")]
    public void Doctor_ModelThatTheGpuMayNotWire_OffersTheLimitOnlyWhereTheMachineHasTheMemory(int expertHiddenDim, string ending)
    {
        Skip.IfNot(MetalDevice.IsAvailable && !OperatingSystem.IsMacOS() && SpmdProgram.HasMpi, "no emulator or no MPI: start the tests with run.sh test");
        string model = SparseCheckpoint.Write(folder["in"], Enormous with { ExpertHiddenDim = expertHiddenDim });

        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "doctor", "--device", "metal", "--model", model);

        Assert.Equal(1, outcome.ExitCode);
        Assert.EndsWith(ending, outcome.Output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_ModelThatIsNotThere_NamesIt()
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "doctor", "--model", folder["nowhere"]);

        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains(folder["nowhere"], outcome.Output[outcome.Output.IndexOf("to mend:", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }
}
