using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Writes a weight file from front to back and hashes what passes: each section and the whole file.</summary>
internal sealed class HashingWriter : IDisposable
{
    private static readonly byte[] Zeros = new byte[PrestackLayout.Alignment];

    private readonly SafeFileHandle handle;
    private readonly XxHash3 sectionHash = new();
    private readonly XxHash128 fileHash = new();
    private long position;

    /// <summary>Creates the file and reserves its space.</summary>
    /// <exception cref="IOException">The disk is full, or the file cannot be created.</exception>
    public HashingWriter(string path, long bytes) =>
        handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, bytes);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(handle, bytes, position);
        sectionHash.Append(bytes);
        fileHash.Append(bytes);
        position += bytes.Length;
    }

    /// <summary>Pads to the alignment and returns the section's XXH3-64.</summary>
    public ulong EndSection()
    {
        Write(Zeros.AsSpan(0, (int)(PrestackLayout.AlignUp(position) - position)));
        ulong hash = sectionHash.GetCurrentHashAsUInt64();
        sectionHash.Reset();
        return hash;
    }

    /// <summary>Waits until the file is on the disk, lets it go from memory and returns its XXH3-128.</summary>
    public UInt128 EndFile()
    {
        RandomAccess.FlushToDisk(handle);
        PageCache.Drop(handle);
        return fileHash.GetCurrentHashAsUInt128();
    }

    public void Dispose() => handle.Dispose();
}
