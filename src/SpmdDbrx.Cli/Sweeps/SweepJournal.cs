using System.Text;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>The raw results of a sweep: a file of JSON lines, one a cell, appended and flushed as cells end.</summary>
internal sealed class SweepJournal
{
    private readonly string path;
    private readonly List<CellRecord> records = [];

    /// <summary>Reads what an earlier start has left; the half line of one that was killed is cut off.</summary>
    /// <param name="path">File; made with the first cell.</param>
    /// <exception cref="InvalidDataException">A line is no record; names file and line.</exception>
    public SweepJournal(string path)
    {
        this.path = path;
        if (!File.Exists(path))
            return;
        byte[] bytes = File.ReadAllBytes(path);
        int complete = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        if (complete < bytes.Length)
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Write);
            file.SetLength(complete);
        }
        string[] lines = Encoding.UTF8.GetString(bytes, 0, complete).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (int index = 0; index < lines.Length; index++)
        {
            string place = $"{path}: line {index + 1}";
            records.Add(CellRecord.Parse(place, lines[index]) ?? throw new InvalidDataException($"{place}: not the record of a cell; remove the line, or the file"));
        }
    }

    /// <summary>The newest record of a cell; null if there is none.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="commit">Of the program that measured; null = of any.</param>
    public CellRecord? Find(SweepCell cell, string? commit)
    {
        string key = cell.Key;
        return records.LastOrDefault(record => record.Key == key && (commit is null || record.Commit == commit));
    }

    /// <summary>Adds a record; it is on disk when this returns.</summary>
    public void Add(CellRecord record)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream file = new(path, FileMode.Append, FileAccess.Write, FileShare.None);
        file.Write(Encoding.UTF8.GetBytes(record.Line + "\n"));
        file.Flush(flushToDisk: true);
        records.Add(record);
    }
}
