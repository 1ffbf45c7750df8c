using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using SpmdDbrx.Cli.Diagnosis;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>Measures the cells of a sweep that have no result yet, one after the other, and writes its report.</summary>
/// <param name="sweep">The matrix.</param>
/// <param name="output">Folder of raw results, report and plots.</param>
internal sealed class SweepRun(Sweep sweep, string output)
{
    private readonly SweepJournal journal = new(Path.Combine(output, "cells.jsonl"));
    private readonly IReadOnlyList<SweepCell> cells = sweep.Cells;

    private static string Machine { get; } = string.Create(
        CultureInfo.InvariantCulture,
        $"{HostFacts.Processor()}, {System.Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:F0} GB, {RuntimeInformation.OSDescription}");

    /// <summary>Measures, then reports. Cells of this program's commit that have a result are not measured again; failed ones are.</summary>
    /// <exception cref="OperationCanceledException">Stopped; results so far are kept.</exception>
    public int Measure(CancellationToken cancellation)
    {
        SweepCell[] missing = [.. cells.Where(cell => journal.Find(cell, ProgramVersion.Commit) is not { Error: null })];
        if (missing.Length < cells.Count)
            Console.Error.WriteLine($"{cells.Count - missing.Length} of {cells.Count} cells are there, measured by this program");
        if (missing.Length > 0)
            Measure(missing, cancellation);
        return Report(ProgramVersion.Commit);
    }

    /// <summary>Writes report and plots.</summary>
    /// <param name="commit">Results of this commit; null = the newest of each cell, whatever program measured them.</param>
    /// <returns>1 if cells have failed or are missing.</returns>
    public int Report(string? commit)
    {
        (SweepCell Cell, CellRecord? Record)[] results = [.. cells.Select(cell => (cell, journal.Find(cell, commit)))];
        string file = new SweepReport(sweep, [.. results.Where(result => result.Record is not null).Select(result => new CellResult(result.Cell, result.Record!))]).Write(output);
        int failed = results.Count(result => result.Record?.Error is not null), absent = results.Count(result => result.Record is null);
        Console.Out.WriteLine($"{cells.Count - failed - absent} of {cells.Count} cells measured; {file}");
        if (failed + absent == 0)
            return ExitCode.Done;
        Console.Error.WriteLine($"spmd-dbrx: {failed} cells failed, {absent} are missing; start again to measure them, the report says why they failed");
        return ExitCode.Failed;
    }

    private void Measure(SweepCell[] missing, CancellationToken cancellation)
    {
        SweepModelFolders folders = sweep.Model.Prepare(
            sweep.Work, sweep.Systems.Any(system => system.IsUnstacked), sweep.Systems.Any(system => !system.IsUnstacked), cancellation);
        SweepPlacement placements = new(folders.Config, sweep.Work);
        CellLauncher launcher = new(sweep, folders, placements);
        // Before the first job: a placement that cannot be is an error of the file, not of a cell.
        double[] expected = [.. missing.Select(placements.ExpectedExperts)];
        for (int index = 0; index < missing.Length; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            CellRecord record = Measure(missing[index], launcher, folders.Config.LayerCount, expected[index], cancellation);
            journal.Add(record);
            Console.Error.WriteLine($"[{cells.Count - missing.Length + index + 1}/{cells.Count}] {missing[index]}: {Outcome(record)}{TimeLeft(missing.Length - index - 1)}");
        }
    }

    private static CellRecord Measure(SweepCell cell, CellLauncher launcher, int layers, double expectedExperts, CancellationToken cancellation)
    {
        DateTime started = DateTime.UtcNow;
        long start = Stopwatch.GetTimestamp();
        string[] words = launcher.Words(cell);
        (JsonArray? rows, string? error) = launcher.Run(cell, words, cancellation);
        return CellRecord.Of(
            cell, Machine, string.Join(' ', words), layers, expectedExperts, started, Stopwatch.GetElapsedTime(start), rows, error);
    }

    private static string Outcome(CellRecord record) => record.Error is { } error
        ? $"failed: {error}"
        : string.Create(CultureInfo.InvariantCulture, $"{(record.Generation ?? record.Prompt)!.TokensPerSecond:F1} tok/s in {record.Seconds:F0} s");

    private string TimeLeft(int count)
    {
        if (count == 0)
            return "";
        double mean = cells.Select(cell => journal.Find(cell, ProgramVersion.Commit)?.Seconds).OfType<double>().Average();
        return string.Create(CultureInfo.InvariantCulture, $"; about {TimeSpan.FromSeconds(count * mean):h\\:mm\\:ss} left");
    }
}
