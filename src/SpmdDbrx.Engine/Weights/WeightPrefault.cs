using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;

namespace SpmdDbrx.Engine.Weights;

/// <summary>Reads the weights that a rank uses into memory before its first token, instead of page by page during it.</summary>
internal static class WeightPrefault
{
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

    /// <summary>Reads the ranges in their order.</summary>
    /// <param name="ranges">Parts of files, without overlaps.</param>
    /// <param name="progress">Told after every block.</param>
    public static void Run(IReadOnlyList<FileRange> ranges, IProgress<ByteProgress>? progress)
    {
        long total = ranges.Sum(range => range.Bytes);
        long done = 0;
        foreach (FileRange range in ranges)
        {
            FilePrefault.Run(range.File, range.Start, range.Bytes, bytes =>
            {
                done += bytes;
                progress?.Report(new ByteProgress(done, total, range.File.Path));
            });
        }
    }
}
