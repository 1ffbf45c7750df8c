using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>Starts the jobs of cells through the sweep's launcher and reads their results.</summary>
/// <param name="sweep">Names the launcher.</param>
/// <param name="folders">Where the model lies.</param>
/// <param name="placements">Who holds what.</param>
internal sealed class CellLauncher(Sweep sweep, SweepModelFolders folders, SweepPlacement placements)
{
    /// <summary>Replaced by key=value words, one a setting of the network.</summary>
    public const string NetworkPlaceholder = "{network}";

    private const string NodesPlaceholder = "{nodes}";
    private const string ExpertsPlaceholder = "{experts}";

    // What shells say of commands that cannot be started; launchers say so of machines they cannot work on.
    private const int CannotExecute = 126;
    private const int NotFound = 127;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(15);

    /// <summary>Words of a launcher that are replaced.</summary>
    public static string[] Placeholders { get; } = [NodesPlaceholder, NetworkPlaceholder, ExpertsPlaceholder];

    /// <summary>The words of a cell's job.</summary>
    public string[] Words(SweepCell cell) => [.. sweep.Launcher.SelectMany(word => Expand(word, cell)), .. BenchArguments(cell)];

    /// <summary>Runs a cell's job to its end: until the launcher has ended and nobody holds its output any more.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="words">Its <see cref="Words"/>.</param>
    /// <param name="cancellation">Stops the job.</param>
    /// <returns>The rows of bench; or one line that says why there are none.</returns>
    /// <exception cref="IOException">No cell can be started here.</exception>
    /// <exception cref="OperationCanceledException">Stopped; so is the job.</exception>
    public (JsonArray? Rows, string? Error) Run(SweepCell cell, string[] words, CancellationToken cancellation)
    {
        using Process process = Start(words);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
        limit.CancelAfter(TimeSpan.FromSeconds(sweep.LimitSeconds));
        try
        {
            Task.WhenAll(process.WaitForExitAsync(limit.Token), output, errors).WaitAsync(limit.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            bool hasEnded = process.HasExited;
            if (!hasEnded)
                Stop(process);
            cancellation.ThrowIfCancellationRequested();
            string what = hasEnded ? $"launcher ended with code {Number(process.ExitCode)}, what it started still holds its output: " : "";
            return (null, $"{what}no end after {sweep.LimitSeconds} s (limit_seconds)");
        }
        if (process.ExitCode is CannotExecute or NotFound)
            throw new IOException($"launcher: {Reason(errors.Result, process.ExitCode)}");
        return process.ExitCode == 0 ? ReadRows(output.Result, cell) : (null, Reason(errors.Result, process.ExitCode));
    }

    private IEnumerable<string> Expand(string word, SweepCell cell) => word switch
    {
        NodesPlaceholder => [Number(cell.Nodes)],
        NetworkPlaceholder => cell.Network.Words(),
        // A checkpoint's files hold all experts: there is nothing to hide from a node.
        ExpertsPlaceholder => cell.System.IsUnstacked ? [] : ["--model", Relative(folders.For(cell.System)), .. placements.ExpertLists(cell)],
        _ => [word],
    };

    private IEnumerable<string> BenchArguments(SweepCell cell) =>
    [
        "bench", "--model", Relative(folders.For(cell.System)), .. cell.System.Arguments(),
        .. placements.FileOf(cell) is { } file ? (string[])["--placement", Relative(file)] : [],
        "--pp", Number(cell.PromptTokens), "--tg", Number(sweep.GeneratedTokens), "--repeat", Number(sweep.Repeats),
        .. sweep.Threads is { } threads ? (string[])["--threads", Number(threads)] : [],
        .. sweep.Options, "-o", "jsonl",
    ];

    private Process Start(string[] words)
    {
        // A path is one from the sweep's folder; a bare name is searched for.
        string program = words[0].Contains('/', StringComparison.Ordinal) ? Path.GetFullPath(words[0], sweep.Folder) : words[0];
        ProcessStartInfo start = new(program, words[1..])
        {
            WorkingDirectory = sweep.Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            Process process = Process.Start(start)!;
            process.StandardInput.Close();
            return process;
        }
        catch (Win32Exception exception)
        {
            throw new IOException($"launcher: {words[0]}: {exception.Message}", exception);
        }
    }

    private static void Stop(Process process)
    {
        using Process signal = Process.Start("kill", ["-TERM", Number(process.Id)]);
        signal.WaitForExit();
        if (!process.WaitForExit(StopPatience))
            process.Kill(entireProcessTree: true);
    }

    private (JsonArray? Rows, string? Error) ReadRows(string output, SweepCell cell)
    {
        int expected = (cell.PromptTokens > 0 ? 1 : 0) + (sweep.GeneratedTokens > 0 ? 1 : 0);
        try
        {
            JsonNode?[] rows = [.. output.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonNode.Parse(line))];
            return rows.Length == expected ? (new JsonArray(rows), null) : (null, $"expected {expected} rows of bench, found {rows.Length}");
        }
        catch (JsonException exception)
        {
            return (null, $"rows of bench: not valid JSON: {exception.Message}");
        }
    }

    /// <summary>The program's own line where there is one, else the last that was said.</summary>
    private static string Reason(string errors, int exitCode)
    {
        string[] lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string? said = lines.FirstOrDefault(line => line.Contains("spmd-dbrx: ", StringComparison.Ordinal)) ?? lines.LastOrDefault();
        return said is null ? $"exit code {Number(exitCode)} without a word" : $"{said} (exit code {Number(exitCode)})";
    }

    private string Relative(string path) => Path.GetRelativePath(sweep.Folder, path);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
