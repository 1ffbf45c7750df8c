using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute;

/// <summary>Reads mapped files into memory before they are needed, so that the first token does not wait for the disk page by page.</summary>
public static unsafe partial class FilePrefault
{
    private const long BlockBytes = 16 << 20;
    private const int AdviseWillNeed = 3;
    private const int AdvisePopulateRead = 22;

    /// <summary>Brings a part of <paramref name="file"/> into memory and into this process's page tables.</summary>
    /// <param name="file">The mapped file.</param>
    /// <param name="byteOffset">First byte.</param>
    /// <param name="byteLength">Bytes.</param>
    /// <param name="advanced">Told after every block how many bytes it had.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the file.</exception>
    public static void Run(MappedFile file, long byteOffset, long byteLength, Action<long>? advanced = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, file.Length - byteLength);
        long end = byteOffset + byteLength;
        for (long offset = byteOffset; offset < end; offset += BlockBytes)
        {
            long length = Math.Min(BlockBytes, end - offset);
            // The disk goes on with the next block while this one is mapped.
            long next = Math.Min(BlockBytes, end - offset - length);
            if (next > 0 && !OperatingSystem.IsWindows())
                _ = Advise(file, offset + length, next, AdviseWillNeed);
            // One call a block where the system has it (Linux 5.14); elsewhere a read from every page.
            if (!OperatingSystem.IsLinux() || Advise(file, offset, length, AdvisePopulateRead) != 0)
                Touch(file.Pointer + offset, length);
            advanced?.Invoke(length);
        }
    }

    /// <summary>Reads a byte of every page.</summary>
    private static void Touch(byte* first, long length)
    {
        for (long offset = 0; offset < length; offset += Environment.SystemPageSize)
            Volatile.Read(ref first[offset]);
        if (length > 0)
            Volatile.Read(ref first[length - 1]);
    }

    private static int Advise(MappedFile file, long offset, long length, int advice)
    {
        // Files are mapped from a page boundary; advice is about whole pages.
        long before = offset % Environment.SystemPageSize;
        return Advise(file.Pointer + offset - before, (nuint)(length + before), advice);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
