using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute;

/// <summary>Makes created and renamed names of a directory survive a power cut; .NET only syncs files.</summary>
public static partial class DirectoryEntries
{
    private const int ReadOnly = 0;
    private const int InvalidArgument = 22;

    /// <summary>fsync of a directory. File systems that know no such thing, and Windows, are left alone.</summary>
    /// <exception cref="IOException">The directory cannot be opened or synced.</exception>
    public static void Flush(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = OpenFile(directory, ReadOnly);
        if (descriptor < 0)
            throw new IOException($"{directory}: cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        bool synced = Synchronize(descriptor) == 0 || Marshal.GetLastPInvokeError() == InvalidArgument;
        string reason = Marshal.GetLastPInvokeErrorMessage();
        _ = CloseFile(descriptor);
        if (!synced)
            throw new IOException($"{directory}: cannot be synced: {reason}");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Synchronize(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseFile(int descriptor);
}
