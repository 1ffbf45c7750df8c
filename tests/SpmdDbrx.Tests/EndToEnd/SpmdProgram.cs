using System.Diagnostics;
using SpmdDbrx.Cli;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>Starts the program as a user does: one process, or N ranks under the mpiexec of this machine.</summary>
internal static class SpmdProgram
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(100);
    private static readonly string Mpiexec = System.Environment.GetEnvironmentVariable("MPIEXEC") ?? "mpiexec";
    private static readonly Lazy<string?> Version = new(ReadVersion);

    /// <summary>What a run left behind.</summary>
    public sealed record Outcome(int ExitCode, string Output, string Errors, TimeSpan Duration);

    /// <summary>Whether ranks can be started here.</summary>
    public static bool HasMpi => Version.Value is not null && System.Environment.GetEnvironmentVariable("SPMD_MPI_LIBRARY") is not null;

    /// <summary>Whether that MPI is Open MPI.</summary>
    public static bool HasOpenMpi => HasMpi && Version.Value!.Contains("Open MPI", StringComparison.Ordinal);

    /// <summary>Runs to the end; kills everything and fails the test when that takes too long.</summary>
    public static Outcome Run(int ranks, params string[] arguments) => RunJob([(ranks, arguments)]);

    /// <summary>Runs one process in a working directory.</summary>
    public static Outcome RunIn(string folder, params string[] arguments) => RunJob([(0, arguments)], folder);

    /// <summary>Runs one process with one more variable in its environment.</summary>
    public static Outcome RunWith(string variable, string value, params string[] arguments) => RunJob([(0, arguments)], "", [(variable, value)]);

    /// <summary>Runs with variables of the environment.</summary>
    public static Outcome RunWith(IReadOnlyList<(string Name, string Value)> variables, int ranks, params string[] arguments) =>
        RunJob([(ranks, arguments)], "", variables);

    /// <summary>Runs groups of ranks with different arguments as one job (MPMD).</summary>
    public static Outcome RunJob(
        IReadOnlyList<(int Ranks, string[] Arguments)> groups, string folder = "", IReadOnlyList<(string Name, string Value)>? variables = null)
    {
        using Process process = Start(groups, folder, variables);
        Stopwatch clock = Stopwatch.StartNew();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', groups[0].Arguments)}: still running after {Limit.TotalSeconds} s; so far: {errors.Result}");
        }
        return new Outcome(process.ExitCode, output.Result, errors.Result, clock.Elapsed);
    }

    /// <summary>Starts a job and returns at once.</summary>
    public static Process Start(
        IReadOnlyList<(int Ranks, string[] Arguments)> groups, string folder = "", IReadOnlyList<(string Name, string Value)>? variables = null)
    {
        ProcessStartInfo start = new() { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        start.FileName = groups is [(0, _)] ? "dotnet" : Mpiexec;
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        // Tests of the choice ask for it; the others need not wait for a calibration, and run the same everywhere.
        start.Environment["SPMDDBRX_CHOICE"] = "off";
        foreach ((string name, string value) in variables ?? [])
            start.Environment[name] = value;
        if (groups is not [(0, _)] && Version.Value!.Contains("Open MPI", StringComparison.Ordinal))
            AddAll(start, ["--bind-to", "none", "--oversubscribe", "--quiet"]);
        for (int group = 0; group < groups.Count; group++)
        {
            if (group > 0)
                start.ArgumentList.Add(":");
            if (groups[group].Ranks > 0)
                AddAll(start, ["-n", $"{groups[group].Ranks}", "dotnet"]);
            start.ArgumentList.Add(typeof(Program).Assembly.Location);
            AddAll(start, groups[group].Arguments);
        }
        return Process.Start(start)!;
    }

    /// <summary>Processes of the ranks: the launcher's descendants that run the program, lowest id first.</summary>
    public static int[] RankProcesses(int launcher)
    {
        Dictionary<int, int> parents = [];
        List<int> programs = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _)))
        {
            int id = int.Parse(Path.GetFileName(folder), System.Globalization.CultureInfo.InvariantCulture);
            try
            {
                string status = File.ReadAllText(Path.Combine(folder, "stat"));
                parents[id] = int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
                if (Path.GetFileName(File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0')[0]) == "dotnet")
                    programs.Add(id);
            }
            catch (IOException)
            {
                // The process ended while we looked.
            }
        }
        return [.. programs.Where(IsDescendant).Order()];

        bool IsDescendant(int id)
        {
            while (parents.TryGetValue(id, out int parent))
            {
                if (parent == launcher)
                    return true;
                id = parent;
            }
            return false;
        }
    }

    private static void AddAll(ProcessStartInfo start, IEnumerable<string> arguments)
    {
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
    }

    private static string? ReadVersion()
    {
        try
        {
            ProcessStartInfo start = new(Mpiexec, "--version") { RedirectStandardOutput = true, RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            string version = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return version.Replace("OpenRTE", "Open MPI", StringComparison.Ordinal);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
