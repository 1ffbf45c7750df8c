namespace SpmdDbrx.Compute.Metal;

/// <summary>What the GPU may wire, and what this process has given it: a slice that does not fit is refused before it is loaded.</summary>
/// <param name="device">The MTLDevice.</param>
/// <param name="hostBytes">All memory of the machine.</param>
internal sealed class GpuMemory(nint device, long hostBytes)
{
    private const long Mebibyte = 1 << 20;
    private const long Gibibyte = 1024 * Mebibyte;

    private long usedBytes;

    /// <summary>Longest MTLBuffer, in bytes.</summary>
    public long MaxBufferLength { get; } = (long)Message.UInt64(device, Selectors.MaxBufferLength);

    /// <summary>Bytes the GPU can use without paging.</summary>
    public long WorkingSetBytes { get; } = (long)Message.UInt64(device, Selectors.RecommendedMaxWorkingSetSize);

    /// <summary>All memory of the machine, bytes.</summary>
    public long HostBytes => hostBytes;

    /// <summary>The command, and where it goes in a list of remedies, that lets the GPU of a machine wire so many bytes.</summary>
    /// <param name="bytes">What is to be wired, on the whole machine.</param>
    /// <param name="hostBytes">The machine's memory.</param>
    /// <returns>", or run: …"; empty where the system would keep less than a sixteenth of the memory, or 4 GiB, to itself.</returns>
    public static string WiredLimitRemedy(long bytes, long hostBytes)
    {
        long limit = (bytes + Gibibyte - 1) / Gibibyte * Gibibyte;
        return limit <= hostBytes - Math.Max(4 * Gibibyte, hostBytes / 16) ? $", or run: sudo sysctl iogpu.wired_limit_mb={limit / Mebibyte}" : "";
    }

    /// <summary>Checks that more memory fits.</summary>
    /// <exception cref="InsufficientMemoryException">It does not; says which limit to raise to what.</exception>
    public void Require(long bytes, string what)
    {
        long needed = usedBytes + bytes;
        if (needed <= WorkingSetBytes)
            return;
        long neededMebibytes = (needed + Mebibyte - 1) / Mebibyte;
        throw new InsufficientMemoryException(
            $"metal: {what} needs {neededMebibytes} MiB wired by the GPU, which may wire {WorkingSetBytes / Mebibyte} MiB; " +
            $"use more ranks, one a machine{WiredLimitRemedy(needed, HostBytes)}");
    }

    public void Add(long bytes) => usedBytes += bytes;

    public void Subtract(long bytes) => usedBytes -= bytes;
}
