using System.Runtime.InteropServices;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Tests.Compute;

/// <summary>What Linux says about files and the memory that they are in.</summary>
internal static unsafe partial class Mapping
{
    /// <summary>Whether the system takes advice about huge pages.</summary>
    public static bool KnowsHugePages => File.Exists("/sys/kernel/mm/transparent_hugepage/enabled");

    /// <summary>Bytes in the page tables of this process.</summary>
    public static long ResidentBytes(string path) => 1024 * long.Parse(Field(path, "Rss:").Replace("kB", "", StringComparison.Ordinal));

    /// <summary>Whether huge pages were asked for.</summary>
    public static bool IsAdvisedHuge(string path) => Field(path, "VmFlags:").Split(' ').Contains("hg");

    /// <summary>Pages of a file that the system holds in memory, whether mapped or not.</summary>
    public static int PagesInMemory(string path)
    {
        using MappedFile file = MappedFile.Open(path);
        byte[] pages = new byte[(file.Length + Environment.SystemPageSize - 1) / Environment.SystemPageSize];
        if (ArePagesInMemory(file.Pointer, (nuint)file.Length, pages) != 0)
            throw new IOException($"{path}: mincore: {Marshal.GetLastPInvokeErrorMessage()}");
        return pages.Count(page => (page & 1) != 0);
    }

    private static string Field(string path, string name) =>
        File.ReadLines("/proc/self/smaps").SkipWhile(line => !line.EndsWith(path, StringComparison.Ordinal))
            .First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..];

    [LibraryImport("libc", EntryPoint = "mincore", SetLastError = true)]
    private static partial int ArePagesInMemory(void* address, nuint length, byte[] pages);
}
