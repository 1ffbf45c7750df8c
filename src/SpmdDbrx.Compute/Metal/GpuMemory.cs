namespace SpmdDbrx.Compute.Metal;

/// <summary>What the GPU may wire, and what this process has given it: a slice that does not fit is refused before it is loaded.</summary>
internal sealed class GpuMemory(nint device)
{
    private const long Mebibyte = 1 << 20;

    private long usedBytes;

    /// <summary>Longest MTLBuffer, in bytes.</summary>
    public long MaxBufferLength { get; } = (long)Message.UInt64(device, Selectors.MaxBufferLength);

    /// <summary>Bytes the GPU can use without paging.</summary>
    public long WorkingSetBytes { get; } = (long)Message.UInt64(device, Selectors.RecommendedMaxWorkingSetSize);

    /// <summary>The value of iogpu.wired_limit_mb that lets the GPU wire so many bytes, in whole GiB.</summary>
    public static long WiredLimitMebibytes(long bytes) => (bytes + (1024 * Mebibyte) - 1) / (1024 * Mebibyte) * 1024;

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
            $"use more ranks, or run: sudo sysctl iogpu.wired_limit_mb={WiredLimitMebibytes(needed)}");
    }

    public void Add(long bytes) => usedBytes += bytes;

    public void Subtract(long bytes) => usedBytes -= bytes;
}
