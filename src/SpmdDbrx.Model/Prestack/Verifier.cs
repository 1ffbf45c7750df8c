using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Reads every byte of a prestacked directory and names every stretch that its hashes do not cover.</summary>
public sealed class Verifier
{
    private const int ChunkBytes = 1 << 20;

    private readonly string directory;
    private readonly ILookup<string, Manifest.HashedSection> sections;
    private readonly List<Damage> damages = [];
    private readonly long totalBytes;
    private readonly IProgress<ByteProgress>? progress;
    private readonly CancellationToken cancellation;
    private long doneBytes;

    private Verifier(string directory, Manifest manifest, long totalBytes, IProgress<ByteProgress>? progress, CancellationToken cancellation)
    {
        this.directory = directory;
        sections = manifest.Sections.ToLookup(hashed => hashed.Section.File);
        this.totalBytes = totalBytes;
        this.progress = progress;
        this.cancellation = cancellation;
    }

    /// <summary>Checks a directory.</summary>
    /// <param name="model">Prestacked directory.</param>
    /// <param name="presentOnly">Whether expert files may be missing, as on a node that hosts only some experts.</param>
    /// <param name="threads">Files read at a time.</param>
    /// <param name="progress">Told often how far it is, from several threads.</param>
    /// <param name="cancellation">Stops the run.</param>
    /// <returns>Everything wrong, ordered by file and offset; empty if all is well.</returns>
    /// <exception cref="InvalidModelException">No prestacked directory, or its manifest itself is damaged.</exception>
    public static IReadOnlyList<Damage> Run(string model, bool presentOnly, int threads, IProgress<ByteProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (!File.Exists(Path.Combine(model, Manifest.FileName)))
            throw new InvalidModelException($"{model}: expected {Manifest.FileName}, found none: only prestacked directories have hashes to check; run prestack first");
        Manifest manifest = Manifest.Read(model);
        List<Manifest.HashedFile> files = [.. manifest.Files.Where((file, index) =>
            !presentOnly || index == 0 || index >= manifest.WeightFileCount || File.Exists(Path.Combine(model, file.Name)))];
        Verifier verifier = new(model, manifest, files.Sum(file => file.Bytes), progress, cancellation);
        Workers.Run(files, threads, () => new byte[ChunkBytes], verifier.CheckFile, cancellation);
        return [.. verifier.damages.OrderBy(damage => damage.File, StringComparer.Ordinal).ThenBy(damage => damage.Offset)];
    }

    private void CheckFile(Manifest.HashedFile file, byte[] buffer)
    {
        string path = Path.Combine(directory, file.Name);
        if (!File.Exists(path))
        {
            Add(Damage.OfLength(path, file, null));
            return;
        }
        using SafeFileHandle handle = File.OpenHandle(path);
        long length = RandomAccess.GetLength(handle);
        if (length != file.Bytes)
            Add(Damage.OfLength(path, file, length));

        XxHash128 fileHash = new();
        bool allSectionsHold = true;
        foreach (Manifest.HashedSection hashed in sections[file.Name])
        {
            XxHash3 sectionHash = new();
            if (!Read(handle, hashed.Section.Offset, hashed.Section.Bytes, buffer, file.Name, fileHash, sectionHash))
                return;
            ulong found = sectionHash.GetCurrentHashAsUInt64();
            if (found == hashed.Hash)
                continue;
            allSectionsHold = false;
            Add(Damage.OfSection(directory, hashed, found));
        }
        bool isComplete = sections.Contains(file.Name) || Read(handle, 0, file.Bytes, buffer, file.Name, fileHash, null);
        // A bad section has been named already; the whole file's hash then says nothing new.
        if (isComplete && allSectionsHold && fileHash.GetCurrentHashAsUInt128() != file.Hash)
            Add(Damage.OfFile(path, file, fileHash.GetCurrentHashAsUInt128()));
    }

    /// <returns>False where the file ends too early.</returns>
    private bool Read(SafeFileHandle handle, long offset, long bytes, byte[] buffer, string name, XxHash128 fileHash, XxHash3? sectionHash)
    {
        while (bytes > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = RandomAccess.Read(handle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, bytes)), offset);
            if (count == 0)
                return false;
            ReadOnlySpan<byte> chunk = buffer.AsSpan(0, count);
            fileHash.Append(chunk);
            sectionHash?.Append(chunk);
            offset += count;
            bytes -= count;
            progress?.Report(new ByteProgress(Interlocked.Add(ref doneBytes, count), totalBytes, name));
        }
        return true;
    }

    private void Add(Damage damage)
    {
        lock (damages)
            damages.Add(damage);
    }
}
