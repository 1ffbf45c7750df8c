using System.IO.MemoryMappedFiles;

namespace SpmdDbrx.Mpi;

/// <summary>Memory that ranks of one host read and write together: a file in memory (on Linux; elsewhere in the directory for temporary files) that loses its name as soon
/// as all of them have mapped it, so that nothing is left behind however they end later.</summary>
public sealed unsafe class SharedMemory : IDisposable
{
    private const string LinuxMemoryDirectory = "/dev/shm";

    private readonly MemoryMappedViewAccessor view;

    private SharedMemory(FileStream file, long byteLength)
    {
        using MemoryMappedFile map = MemoryMappedFile.CreateFromFile(
            file, null, byteLength, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        view = map.CreateViewAccessor(0, byteLength); // which keeps what it needs of the map
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        Address = (nint)pointer;
        ByteLength = byteLength;
    }

    /// <summary>First byte, at the beginning of a page; each rank has an address of its own.</summary>
    public nint Address { get; }

    /// <summary>Length in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>Makes zeroed memory for all ranks of a group; a collective call.</summary>
    /// <param name="ranks">Ranks of one host.</param>
    /// <param name="byteLength">Above 0; the same on all ranks.</param>
    /// <returns>On every rank the memory; null on every rank where one of them cannot have it, as in containers that have too little of it or none in common.</returns>
    public static SharedMemory? TryCreate(Intracommunicator ranks, long byteLength) => TryCreate(ranks, byteLength, DefaultDirectory);

    /// <summary>The same with a directory for its file.</summary>
    internal static SharedMemory? TryCreate(Intracommunicator ranks, long byteLength, string directory)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(byteLength, 1);
        Span<Guid> name = [Guid.NewGuid()];
        ranks.Broadcast(name, 0);
        string path = Path.Combine(directory, $"spmd-dbrx-{name[0]:N}");
        SharedMemory? memory = null;
        try
        {
            if (ranks.Rank == 0)
                memory = TryMap(() => Create(path, byteLength), byteLength);
            ranks.Barrier();
            if (ranks.Rank > 0)
                memory = TryMap(() => Open(path), byteLength);
            Span<int> mapped = [memory is null ? 0 : 1];
            ranks.Allreduce(mapped, Operation<int>.Min);
            if (mapped[0] == 1)
                return memory;
        }
        finally
        {
            if (ranks.Rank == 0)
                Delete(path);
        }
        memory?.Dispose();
        return null;
    }

    public void Dispose()
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
    }

    private static string DefaultDirectory => Directory.Exists(LinuxMemoryDirectory) ? LinuxMemoryDirectory : Path.GetTempPath();

    private static SharedMemory? TryMap(Func<FileStream> open, long byteLength)
    {
        FileStream? file = null;
        try
        {
            file = open();
            return new SharedMemory(file, byteLength);
        }
#pragma warning disable CA1031 // whatever it is, the other ranks must hear of it, and can do without
        catch (Exception)
#pragma warning restore CA1031
        {
            file?.Dispose();
            return null;
        }
    }

    /// <summary>A file whose memory is reserved: what is missing shows here, not as a signal at the first write.</summary>
    private static FileStream Create(string path, long byteLength)
    {
        FileStreamOptions options = new()
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            PreallocationSize = byteLength,
        };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        FileStream file = new(path, options);
        try
        {
            file.SetLength(byteLength);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Its directory is not there or may not be written: then there is no file.
        }
    }
}
