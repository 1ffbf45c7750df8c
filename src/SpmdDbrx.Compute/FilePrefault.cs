using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute;

/// <summary>Reads a mapped file into memory before it is needed, so that the first token does not wait for the disk page by page.</summary>
public static unsafe partial class FilePrefault
{
    private const int BlockBytes = 16 << 20;
    private const int AdvisePopulateRead = 22;

    /// <summary>Brings all pages of <paramref name="file"/> into memory and into this process's page tables.</summary>
    /// <param name="file">The mapped file.</param>
    /// <param name="advanced">Told after every block how many bytes it had.</param>
    public static void Run(MappedFile file, Action<long>? advanced = null)
    {
        for (long offset = 0; offset < file.Length; offset += BlockBytes)
        {
            long length = Math.Min(BlockBytes, file.Length - offset);
            // One call a block where the system has it (Linux 5.14); elsewhere a read from every page.
            if (!OperatingSystem.IsLinux() || Advise(file.Pointer + offset, (nuint)length, AdvisePopulateRead) != 0)
                Touch(file.Pointer + offset, length);
            advanced?.Invoke(length);
        }
    }

    /// <summary>Reads a byte of every page.</summary>
    private static void Touch(byte* first, long length)
    {
        for (long offset = 0; offset < length; offset += Environment.SystemPageSize)
            Volatile.Read(ref first[offset]);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
