using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Weights;

/// <summary>A part of a mapped file.</summary>
/// <param name="File">The file.</param>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
public readonly record struct FileRange(MappedFile File, long Start, long End)
{
    /// <summary>Bytes.</summary>
    public long Bytes => End - Start;

    /// <summary>The same bytes without overlaps, in the order of the files' first appearance and of their offsets.</summary>
    public static IReadOnlyList<FileRange> Merge(IEnumerable<FileRange> ranges)
    {
        List<FileRange> merged = [];
        foreach (IGrouping<MappedFile, FileRange> ofFile in ranges.GroupBy(range => range.File))
        {
            FileRange current = default;
            foreach (FileRange range in ofFile.OrderBy(range => range.Start))
            {
                if (current.File is not null && range.Start <= current.End)
                {
                    current = current with { End = Math.Max(current.End, range.End) };
                    continue;
                }
                if (current.File is not null)
                    merged.Add(current);
                current = range;
            }
            merged.Add(current);
        }
        return merged;
    }
}
