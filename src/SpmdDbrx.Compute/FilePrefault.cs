namespace SpmdDbrx.Compute;

/// <summary>Reads mapped files into memory before they are needed, so that the first token does not wait for the disk page by page.</summary>
public static unsafe class FilePrefault
{
    private const long BlockBytes = 16 << 20;

    /// <summary>The disk goes on with other blocks while pages of one are mapped.</summary>
    private const int Readers = 4;

    /// <summary>Brings a part of <paramref name="file"/> into memory and into this process's page tables.</summary>
    /// <param name="file">The mapped file.</param>
    /// <param name="byteOffset">First byte.</param>
    /// <param name="byteLength">Bytes.</param>
    /// <param name="advanced">Told after every block how many bytes it had; from several threads, one at a time.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the file.</exception>
    public static void Run(MappedFile file, long byteOffset, long byteLength, Action<long>? advanced = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, file.Length - byteLength);
        int blocks = checked((int)((byteLength + BlockBytes - 1) / BlockBytes));
        object telling = new();
        Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = Readers }, block =>
        {
            long offset = block * BlockBytes;
            long length = Math.Min(BlockBytes, byteLength - offset);
            ReadIn(file, byteOffset + offset, length);
            lock (telling)
                advanced?.Invoke(length);
        });
    }

    /// <summary>One call where the system has it; elsewhere a read from every page.</summary>
    private static void ReadIn(MappedFile file, long offset, long length)
    {
        // Files are mapped from a page boundary; the system is asked for whole pages.
        long before = offset % Environment.SystemPageSize;
        if (!MemoryAdvice.ReadIn(file.Pointer + offset - before, length + before))
            Touch(file.Pointer + offset, length);
    }

    /// <summary>Reads a byte of every page.</summary>
    private static void Touch(byte* first, long length)
    {
        for (long offset = 0; offset < length; offset += Environment.SystemPageSize)
            Volatile.Read(ref first[offset]);
        if (length > 0)
            Volatile.Read(ref first[length - 1]);
    }
}
