using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SpmdDbrx.Compute;

/// <summary>The system's copy of files in memory.</summary>
public static partial class PageCache
{
    private const int DontNeed = 4;

    /// <summary>Lets a written file go from memory, so that the next reader decides about its pages; the system may refuse. Linux only.</summary>
    /// <remarks>What is written stays in the pages that writing took, mostly small ones, until it leaves memory; what is read after
    /// <see cref="MappedFile.AdviseHugePages"/> comes in huge ones.</remarks>
    /// <param name="file">Open file, synced: pages that are not on the disk yet stay.</param>
    public static void Drop(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux())
            _ = Advise(file, 0, 0, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, nint offset, nint length, int advice);
}
