using SpmdDbrx.Compute;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Weights;

/// <summary>The model files this rank uses, each mapped once and wrapped for the device without a copy.</summary>
public sealed class MappedWeights(ModelDirectory model, IDevice device) : IDisposable
{
    // Apple's: what a driver wires, and what the layers of an expert file are padded to.
    private const int PageBytes = 16 * 1024;

    private readonly Dictionary<string, (MappedFile File, DeviceBuffer Buffer)> files = [];
    private readonly List<FileRange> ranges = [];

    /// <summary>Bytes of the weights handed out so far: what this rank holds of the model.</summary>
    public long WeightBytes { get; private set; }

    /// <summary>Mapped files.</summary>
    public IEnumerable<MappedFile> Files => files.Values.Select(entry => entry.File);

    /// <summary>The parts of the files that hold the weights handed out so far.</summary>
    public IReadOnlyList<FileRange> Ranges => FileRange.Merge(ranges);

    /// <summary>A matrix on the device, mapping its file on first use.</summary>
    /// <exception cref="InvalidModelException">The file is missing or not as long as it must be.</exception>
    public WeightMatrix Map(in WeightLocation location)
    {
        WeightBytes += location.Type.ByteCount((long)location.Rows * location.Columns);
        (MappedFile file, DeviceBuffer buffer) = Open(location.File);
        for (int strip = 0; strip < location.StripCount && location.Rows > 0; strip++)
        {
            int column = strip * location.StripColumns;
            long end = location.Offset(location.Rows - 1, column) + location.Type.ByteCount(location.StripColumns);
            ranges.Add(new FileRange(file, location.Offset(0, column), end));
        }
        return new WeightMatrix(
            buffer, location.ByteOffset, location.Rows, location.Columns, location.RowStrideBytes, location.Type,
            location.StripCount, location.StripStrideBytes);
    }

    /// <summary>The pages of some files that hold the weights handed out so far, on the device.</summary>
    /// <param name="fileNames">Names as in the model's directory.</param>
    public IReadOnlyList<BufferRange> Pages(IEnumerable<string> fileNames)
    {
        Dictionary<MappedFile, DeviceBuffer> buffers = fileNames.Distinct().Select(name => files[name]).ToDictionary(entry => entry.File, entry => entry.Buffer);
        IEnumerable<FileRange> pages = ranges.Where(range => buffers.ContainsKey(range.File)).Select(range => range with
        {
            Start = range.Start / PageBytes * PageBytes,
            End = Math.Min((range.End + PageBytes - 1) / PageBytes * PageBytes, range.File.Length),
        });
        return [.. FileRange.Merge(pages).Select(range => new BufferRange(buffers[range.File], range.Start, range.End))];
    }

    /// <summary>Asks for huge pages in the files that this host uses most of. Of one that it needs a slice of, it would read much else with them.</summary>
    /// <param name="ranks">Ranks of the host that map the same files, each another part or all the same.</param>
    public void AdviseHugePages(int ranks)
    {
        foreach (IGrouping<MappedFile, FileRange> used in Ranges.GroupBy(range => range.File))
        {
            if (ranks * used.Sum(range => range.Bytes) > used.Key.Length / 2)
                used.Key.AdviseHugePages();
        }
    }

    private (MappedFile File, DeviceBuffer Buffer) Open(string fileName)
    {
        if (files.TryGetValue(fileName, out (MappedFile File, DeviceBuffer Buffer) known))
            return known;
        MappedFile file = model.Map(fileName);
        known = (file, device.Wrap(file, 0, file.Length));
        files.Add(fileName, known);
        return known;
    }

    public void Dispose()
    {
        foreach ((MappedFile file, DeviceBuffer buffer) in files.Values)
        {
            buffer.Dispose();
            file.Dispose();
        }
        files.Clear();
    }
}
