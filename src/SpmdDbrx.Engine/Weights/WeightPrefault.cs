using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;

namespace SpmdDbrx.Engine.Weights;

/// <summary>Reads the weights that a rank uses into memory before its first token, instead of page by page during it.</summary>
internal static class WeightPrefault
{
    private const long BlockBytes = 16 << 20;

    /// <summary>While one maps its pages, the disk reads for the others.</summary>
    private const int Readers = 4;

    /// <summary>Refuses what would push itself out of memory again.</summary>
    /// <param name="hostBytes">Weights and KV caches of all ranks of the host.</param>
    /// <param name="availableBytes">Memory that the host can give.</param>
    /// <exception cref="EngineException">It does not fit.</exception>
    public static void RequireFit(long hostBytes, long availableBytes)
    {
        if (hostBytes > availableBytes)
        {
            throw new EngineException(
                $"--prefault: expected at most the {InventoryText.Size(availableBytes)} of memory available on this host, found "
                + $"{InventoryText.Size(hostBytes)} of weights and KV caches of its ranks; use more hosts, or leave --prefault out");
        }
    }

    /// <summary>Reads the ranges, files about in their order.</summary>
    /// <param name="ranges">Parts of files, without overlaps.</param>
    /// <param name="progress">Told after every block, from several threads, one at a time.</param>
    public static void Run(IReadOnlyList<FileRange> ranges, IProgress<ByteProgress>? progress)
    {
        long total = ranges.Sum(range => range.Bytes);
        long done = 0;
        Lock reporting = new();
        // A reader keeps to a file: the system reads ahead by what was last read of it.
        Workers.Run(ranges.GroupBy(range => range.File), Readers, () => reporting, (file, report) =>
        {
            foreach (FileRange block in file.SelectMany(Blocks))
            {
                FilePrefault.Run(block.File, block.Start, block.Bytes);
                lock (report)
                {
                    done += block.Bytes;
                    progress?.Report(new ByteProgress(done, total, block.File.Path));
                }
            }
        }, CancellationToken.None);
    }

    private static IEnumerable<FileRange> Blocks(FileRange range)
    {
        for (long start = range.Start; start < range.End; start += BlockBytes)
            yield return range with { Start = start, End = Math.Min(start + BlockBytes, range.End) };
    }
}
