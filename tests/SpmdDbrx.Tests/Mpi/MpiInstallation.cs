using System.Diagnostics;

namespace SpmdDbrx.Tests.Mpi;

/// <summary>An MPI of this machine, with the shim built for it.</summary>
/// <param name="Mpiexec">Its launcher.</param>
/// <param name="Library">Path of libspmd_mpi linked with it.</param>
internal sealed record MpiInstallation(string Mpiexec, string Library)
{
    private static readonly Dictionary<string, Lazy<MpiInstallation?>> Known = new()
    {
        ["Open MPI"] = new(() => Detect("openmpi", "OpenRTE", "Open MPI")),
        ["MPICH"] = new(() => Detect("mpich", "HYDRA")),
    };

    /// <summary>The installation of "Open MPI" or "MPICH"; null if there is none.</summary>
    public static MpiInstallation? Find(string name) => Known[name].Value;

    /// <summary>Runs a program to its end, at most <paramref name="seconds"/> seconds; the exit code is null if it had to be killed.</summary>
    public static (int? ExitCode, string Output) Execute(ProcessStartInfo start, int seconds)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(TimeSpan.FromSeconds(seconds));
        if (!ended)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return (ended ? process.ExitCode : null, output.Result + errors.Result);
    }

    // Debian names each MPI's programs with a suffix; elsewhere there is one mpiexec, which says whose it is.
    private static MpiInstallation? Detect(string suffix, params string[] versionWords)
    {
        foreach ((string mpiexec, string mpicc) in new[] { ($"mpiexec.{suffix}", $"mpicc.{suffix}"), ("mpiexec", "mpicc") })
        {
            if (IsOnPath(mpiexec) && IsOnPath(mpicc) && IsOf(mpiexec, versionWords))
                return new MpiInstallation(mpiexec, BuildLibrary(mpicc));
        }
        return null;
    }

    private static bool IsOnPath(string program) =>
        (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    private static bool IsOf(string mpiexec, string[] versionWords)
    {
        string version = Execute(new ProcessStartInfo(mpiexec, ["--version"]), seconds: 30).Output;
        return versionWords.Any(word => version.Contains(word, StringComparison.Ordinal));
    }

    private static string BuildLibrary(string mpicc)
    {
        (int? exitCode, string output) = Execute(new ProcessStartInfo("make", ["-s", "-C", Path.Combine(RepositoryPaths.Root, "native", "mpi"), $"MPICC={mpicc}", "library"]), seconds: 120);
        return exitCode == 0 ? output.Trim() : throw new InvalidOperationException($"make -C native/mpi MPICC={mpicc}: {output}");
    }
}
