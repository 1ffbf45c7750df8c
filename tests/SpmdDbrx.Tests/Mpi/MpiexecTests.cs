using System.Diagnostics;
using Xunit;

namespace SpmdDbrx.Tests.Mpi;

/// <summary>How jobs end that go wrong: real processes under a real mpiexec, of which the last does what Fault.cs in
/// SpmdDbrx.MpiTests says while the others wait for it.</summary>
public sealed class MpiexecTests
{
    private const int Ranks = 3;
    private const int PatienceSeconds = 20;

    [SkippableTheory]
    [InlineData("Open MPI", "abort")]
    [InlineData("Open MPI", "abort-from-a-thread")]
    [InlineData("Open MPI", "exit")]
    [InlineData("Open MPI", "return")]
    [InlineData("MPICH", "abort")]
    [InlineData("MPICH", "abort-from-a-thread")]
    [InlineData("MPICH", "exit")]
    [InlineData("MPICH", "return")]
    public void Job_OneRankGivesUp_EndsEverywhereWithItsCode(string mpi, string fault)
    {
        (int? exitCode, string output) = Run(mpi, fault);
        Assert.Equal(7, exitCode);
        Assert.DoesNotContain("survived", output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("Open MPI")]
    [InlineData("MPICH")]
    public void Job_OneRankThrows_SaysWhyAndEndsEverywhere(string mpi)
    {
        (int? exitCode, string output) = Run(mpi, "throw");
        Assert.Equal(1, exitCode);
        Assert.Contains("rank 2: expert-03.bin: broken on this rank only", output, StringComparison.Ordinal);
        Assert.DoesNotContain("survived", output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("Open MPI", 137)]
    [InlineData("MPICH", 9)]
    public void Job_OneRankIsKilled_EndsEverywhere(string mpi, int code)
    {
        (int? exitCode, string output) = Run(mpi, "kill");
        Assert.Equal(code, exitCode);
        Assert.DoesNotContain("survived", output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("Open MPI", "MPICH")]
    [InlineData("MPICH", "Open MPI")]
    public void Start_LibraryOfAnotherMpi_IsNamed(string mpi, string otherMpi)
    {
        (int? exitCode, string output) = Run(mpi, "abort", Installation(otherMpi).Library);
        Assert.Equal(1, exitCode);
        Assert.Contains($"the launcher started {Ranks} ranks but {otherMpi}", output, StringComparison.Ordinal);
        Assert.Contains("set MPIEXEC and MPICC", output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("Open MPI")]
    [InlineData("MPICH")]
    public void Start_NoLibrary_IsNamed(string mpi)
    {
        (int? exitCode, string output) = Run(mpi, "abort", "/nowhere/libspmd_mpi.so");
        Assert.Equal(1, exitCode);
        Assert.Contains("/nowhere/libspmd_mpi.so: no such file (SPMD_MPI_LIBRARY); build it with run.sh", output, StringComparison.Ordinal);
    }

    private static MpiInstallation Installation(string mpi)
    {
        MpiInstallation? installation = MpiInstallation.Find(mpi);
        Skip.If(installation is null, $"{mpi} is not installed");
        return installation!;
    }

    private static (int? ExitCode, string Output) Run(string mpi, string fault, string? library = null)
    {
        MpiInstallation installation = Installation(mpi);
        string program = Path.Combine(AppContext.BaseDirectory, "SpmdDbrx.MpiTests.dll");
        ProcessStartInfo start = new(installation.Mpiexec, ["-n", $"{Ranks}", "dotnet", program, fault]);
        start.Environment["SPMD_MPI_LIBRARY"] = library ?? installation.Library;
        start.Environment["TERM"] = "dumb";
        // More ranks than slots, as root in a container; each MPI ignores the other's variables (OMPI: 4, PRTE: 5).
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        start.Environment["PRTE_ALLOW_RUN_AS_ROOT"] = start.Environment["PRTE_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        start.Environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1";
        start.Environment["PRTE_MCA_rmaps_default_mapping_policy"] = ":oversubscribe";
        (int? exitCode, string output) = MpiInstallation.Execute(start, PatienceSeconds);
        Assert.True(exitCode is not null, $"mpiexec still ran after {PatienceSeconds} s: {output}");
        return (exitCode, output);
    }
}
