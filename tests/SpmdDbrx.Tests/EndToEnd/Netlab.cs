using System.Diagnostics;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>Four hosts of tests/netlab with a prestacked tiny model, of which each host sees only its own experts. One job at a time runs on them.</summary>
public sealed class Netlab : IDisposable
{
    /// <summary>Hosts h1 … h4; rank k runs on host k + 1, and the launcher on h1.</summary>
    public const int Hosts = 4;

    private readonly PrestackedTinyModel model = new();
    private readonly string folder;

    public Netlab()
    {
        folder = WhyNot is null ? Execute("up", $"{Hosts}").Single() : "";
        if (folder.Length > 0)
            Execute("model", model.ModelPath);
    }

    /// <summary>Why there can be no lab here; null if there can.</summary>
    public static string? WhyNot { get; } =
        !SpmdProgram.HasOpenMpi ? "no Open MPI, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test"
        : !OperatingSystem.IsLinux() || System.Environment.UserName != "root" || !File.Exists("/dev/net/tun") ? "hosts on one machine need Linux, root and /dev/net/tun"
        : null;

    /// <summary>The model, at the same path on all hosts.</summary>
    public string ModelPath => Path.Combine(folder, "model");

    /// <summary>A path in the lab's folder, the same on all hosts.</summary>
    public string this[string name] => Path.Combine(folder, name);

    /// <summary>Runs a verb of netlab.sh and returns the lines it prints.</summary>
    public string[] Execute(params string[] arguments)
    {
        using Process process = Process.Start(Script(arguments))!;
        string output = process.StandardOutput.ReadToEnd();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : throw new InvalidOperationException($"netlab.sh {string.Join(' ', arguments)}: {errors}");
    }

    /// <summary>Starts a command of the program on all hosts, through run.sh on h1.</summary>
    public Process Start(params string[] arguments) => Process.Start(Script(
        ["run", Path.Combine(RepositoryPaths.Root, "run.sh"), "-n", $"{Hosts}", "--hostfile", this["hostfile"], .. arguments, "--threads", "1"]))!;

    public void Dispose()
    {
        if (folder.Length > 0)
            Execute("down");
        model.Dispose();
    }

    private ProcessStartInfo Script(string[] arguments)
    {
        ProcessStartInfo start = new(Path.Combine(RepositoryPaths.Root, "tests", "netlab", "netlab.sh"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NETLAB"] = folder;
        start.Environment["SPMDDBRX_CHOICE"] = "off";
        return start;
    }
}
