namespace SpmdDbrx.Cli;

/// <summary>An output file that is written beside its place and renamed when complete: a failed run leaves no half-written file.</summary>
/// <remarks>A device such as /dev/null or /dev/stdout is written in place; a rename would put a file where the device was.</remarks>
internal sealed class PendingFile : IDisposable
{
    private const int BufferBytes = 1 << 20;
    private readonly string path;
    private readonly bool isDevice;
    private bool completed;

    /// <param name="path">Final name; an existing file is replaced on <see cref="Complete"/>.</param>
    /// <exception cref="IOException">It cannot be written there.</exception>
    public PendingFile(string path)
    {
        this.path = path;
        if (Directory.Exists(path))
            throw new IOException($"{path}: cannot be written: it is a folder");
        isDevice = IsDevice(Path.GetFullPath(path));
        try
        {
            Stream = isDevice
                ? new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, BufferBytes)
                : new FileStream(TemporaryPath, FileMode.Create, FileAccess.Write, FileShare.Read, BufferBytes);
        }
        catch (DirectoryNotFoundException exception)
        {
            throw new IOException($"{path}: cannot be written: there is no such folder", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"{path}: cannot be written: not allowed", exception);
        }
    }

    /// <summary>Where to write.</summary>
    public FileStream Stream { get; }

    private string TemporaryPath => path + ".partial";

    /// <summary>Everything is written: renames the file.</summary>
    public void Complete()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        if (!isDevice)
            File.Move(TemporaryPath, path, overwrite: true);
        completed = true;
    }

    public void Dispose()
    {
        try
        {
            Stream.Dispose();
        }
        finally
        {
            if (!completed && !isDevice)
                File.Delete(TemporaryPath);
        }
    }

    // Shared memory holds ordinary files.
    private static bool IsDevice(string fullPath) =>
        fullPath.StartsWith("/dev/", StringComparison.Ordinal) && !fullPath.StartsWith("/dev/shm/", StringComparison.Ordinal);
}
