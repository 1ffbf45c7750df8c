using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace SpmdDbrx.Compute;

/// <summary>A file mapped read-only; ranks on one host share its pages.</summary>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly SafeFileHandle handle;
    private readonly MemoryMappedFile? map;
    private readonly MemoryMappedViewAccessor? view;
    private bool keptMapped;

    private MappedFile(string path, SafeFileHandle handle, long length)
    {
        Path = path;
        this.handle = handle;
        Length = length;
        if (length == 0)
            return;
        map = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        Pointer = pointer;
    }

    /// <summary>Path as given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <summary>First byte; null for an empty file.</summary>
    public byte* Pointer { get; }

    /// <summary>Maps a whole file.</summary>
    /// <exception cref="IOException">It cannot be opened or mapped.</exception>
    public static MappedFile Open(string path)
    {
        // FileShare.Read: several ranks of one host map the same file.
        SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return new MappedFile(path, handle, RandomAccess.GetLength(handle));
    }

    /// <summary>A view of <paramref name="count"/> bytes from <paramref name="byteOffset"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the file.</exception>
    public ReadOnlySpan<byte> Span(long byteOffset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, Length - count);
        return new ReadOnlySpan<byte>(Pointer + byteOffset, count);
    }

    /// <summary>Asks for the file in huge pages (2 MB on x86) where it is not in memory yet, for one that is read as a whole; Linux only.</summary>
    /// <remarks>Decode reads gigabytes of weights a token. In small pages, each 4 KB of them begin with a walk through the page tables.</remarks>
    public void AdviseHugePages() => MemoryAdvice.HugePages(Pointer, Length);

    /// <summary>Keeps the pages mapped until the process ends, after <see cref="Dispose"/> too.</summary>
    internal void KeepMapped() => keptMapped = true;

    public void Dispose()
    {
        if (view is not null)
        {
            if (!keptMapped)
                view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            map!.Dispose();
        }
        handle.Dispose();
    }
}
