namespace SpmdDbrx.Cli;

/// <summary>What the launcher says about this process before MPI starts.</summary>
internal static class LaunchedRank
{
    private static readonly string[] RankVariables = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"];

    /// <summary>This process's rank; 0 without a launcher.</summary>
    public static int Index { get; } = ReadIndex();

    /// <summary>Whether this is the rank that owns standard output.</summary>
    public static bool IsFirst => Index == 0;

    /// <summary>Keeps .NET's terminal initialisation (ESC[?1h) out of what mpiexec forwards from ranks other than 0.</summary>
    public static void QuietConsole()
    {
        if (!IsFirst)
            System.Environment.SetEnvironmentVariable("TERM", "dumb");
    }

    private static int ReadIndex()
    {
        foreach (string variable in RankVariables)
        {
            if (int.TryParse(System.Environment.GetEnvironmentVariable(variable), out int rank))
                return rank;
        }
        return 0;
    }
}
