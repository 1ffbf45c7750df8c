namespace SpmdDbrx.Compute;

/// <summary>Reads mapped files into memory before they are needed, so that the first token does not wait for the disk page by page.</summary>
public static unsafe class FilePrefault
{
    /// <summary>Brings a part of <paramref name="file"/> into memory and into this process's page tables. Several threads may do so at a time.</summary>
    /// <param name="file">The mapped file.</param>
    /// <param name="byteOffset">First byte.</param>
    /// <param name="byteLength">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the file.</exception>
    public static void Run(MappedFile file, long byteOffset, long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, file.Length - byteLength);
        // Files are mapped from a page boundary; the system is asked for whole pages.
        long before = byteOffset % Environment.SystemPageSize;
        if (!MemoryAdvice.ReadIn(file.Pointer + byteOffset - before, byteLength + before))
            Touch(file.Pointer + byteOffset, byteLength);
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
