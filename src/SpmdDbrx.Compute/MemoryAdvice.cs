using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute;

/// <summary>What the system is told about memory. It may refuse: that costs speed only.</summary>
internal static unsafe partial class MemoryAdvice
{
    // Linux's numbers (mman.h); other systems number them differently or have none.
    private const int Huge = 14;
    private const int PopulateRead = 22;

    /// <summary>Asks for huge pages where pages are yet to come: memory never touched, parts of a file that are not in the page cache (with file systems that keep them there in large folios).</summary>
    public static void HugePages(byte* first, long byteLength)
    {
        if (OperatingSystem.IsLinux())
            _ = Advise(first, (nuint)byteLength, Huge);
    }

    /// <summary>Reads mapped pages in and maps them.</summary>
    /// <returns>Whether the system did (Linux 5.14).</returns>
    public static bool ReadIn(byte* first, long byteLength) =>
        OperatingSystem.IsLinux() && Advise(first, (nuint)byteLength, PopulateRead) == 0;

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
