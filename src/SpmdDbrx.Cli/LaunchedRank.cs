namespace SpmdDbrx.Cli;

/// <summary>What the launcher says about this process before MPI starts.</summary>
internal static class LaunchedRank
{
    private static readonly string[] RankVariables = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"];

    /// <summary>This process's rank; 0 without a launcher.</summary>
    public static int Index { get; } = ReadIndex() ?? 0;

    /// <summary>Whether no launcher started this process.</summary>
    public static bool IsAlone { get; } = ReadIndex() is null;

    /// <summary>Whether this is the rank that owns standard output.</summary>
    public static bool IsFirst => Index == 0;

    /// <summary>What lines on standard error begin with, so that it is known whose they are; nothing without a launcher.</summary>
    public static string Prefix => IsAlone ? "" : $"[{Index}/{System.Environment.MachineName}] ";

    /// <summary>Keeps .NET's terminal initialisation (ESC[?1h) out of what mpiexec forwards: it gives ranks a pseudo-terminal.</summary>
    public static void QuietConsole()
    {
        if (!IsAlone)
            System.Environment.SetEnvironmentVariable("TERM", "dumb");
    }

    private static int? ReadIndex()
    {
        foreach (string variable in RankVariables)
        {
            if (int.TryParse(System.Environment.GetEnvironmentVariable(variable), out int rank))
                return rank;
        }
        return null;
    }
}
