using System.Globalization;

namespace SpmdDbrx.Mpi;

/// <summary>How this process was started, read from the launcher's environment before MPI is initialised.</summary>
/// <param name="Launcher">The environment variable that gave it away.</param>
/// <param name="Rank">This rank in the job.</param>
/// <param name="Size">Ranks in the job; null where the launcher does not say.</param>
public sealed record MpiLaunch(string Launcher, int Rank, int? Size)
{
    // Open MPI sets its own names; MPICH's Hydra, Intel MPI and srun --mpi=pmi2 set PMI_*; any PMIx launcher sets PMIX_RANK.
    private static readonly (string Rank, string? Size)[] Launchers =
    [
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
        ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
        ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ];

    /// <summary>The launch of this process; null if it was started without mpiexec.</summary>
    public static MpiLaunch? Current { get; } = Detect(System.Environment.GetEnvironmentVariable);

    internal static MpiLaunch? Detect(Func<string, string?> variable)
    {
        foreach ((string rankName, string? sizeName) in Launchers)
        {
            if (Number(variable(rankName)) is not int rank)
                continue;
            int? size = sizeName is null ? null : Number(variable(sizeName));
            // A batch script itself carries SLURM_PROCID=0: only a job step of several tasks is a launch.
            if (rankName == "SLURM_PROCID" && size is null or 1)
                continue;
            return new MpiLaunch(rankName, rank, size);
        }
        return null;
    }

    private static int? Number(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
