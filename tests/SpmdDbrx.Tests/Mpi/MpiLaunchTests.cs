using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Mpi;

public sealed class MpiLaunchTests
{
    [Theory]
    [InlineData("OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4 PMIX_RANK=3", "OMPI_COMM_WORLD_RANK", 3, 4)]
    [InlineData("PMI_RANK=1 PMI_SIZE=2", "PMI_RANK", 1, 2)]
    [InlineData("PMIX_RANK=5", "PMIX_RANK", 5, null)]
    [InlineData("PMIX_RANK=5 SLURM_PROCID=5 SLURM_STEP_NUM_TASKS=8", "PMIX_RANK", 5, 8)]
    [InlineData("SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID", 0, 2)]
    public void Detect_EachLauncher_GivesRankAndSize(string environment, string launcher, int rank, int? size) =>
        Assert.Equal(new MpiLaunch(launcher, rank, size), Detect(environment));

    [Theory]
    [InlineData("")]
    [InlineData("SLURM_PROCID=0 SLURM_NTASKS=4")]
    [InlineData("SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1")]
    [InlineData("PMI_RANK=")]
    public void Detect_NoLauncher_IsNull(string environment) => Assert.Null(Detect(environment));

    private static MpiLaunch? Detect(string environment)
    {
        Dictionary<string, string> variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        return MpiLaunch.Detect(variables.GetValueOrDefault);
    }
}
