using System.IO.Hashing;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Hashes the sections of mapped files on several threads.</summary>
internal static class MappedVerification
{
    // Fits a second-level cache and keeps the span's length an int.
    private const int ChunkBytes = 1 << 20;

    public static void Run(PrestackedModel model, Manifest manifest, IEnumerable<MappedFile> files, int threads, IProgress<ByteProgress>? progress)
    {
        Dictionary<string, MappedFile> mapped = files.ToDictionary(file => Path.GetFullPath(file.Path));
        List<(MappedFile File, Manifest.HashedSection Expected)> work = [];
        foreach (Manifest.HashedSection expected in manifest.Sections)
        {
            if (mapped.TryGetValue(Path.GetFullPath(Path.Combine(model.Path, expected.Section.File)), out MappedFile? file))
                work.Add((file, expected));
        }
        // Longest first, so that no thread is left with a long one at the end.
        work.Sort((a, b) => b.Expected.Section.Bytes.CompareTo(a.Expected.Section.Bytes));
        long total = work.Sum(item => item.Expected.Section.Bytes);
        long done = 0;
        Workers.Run(work, threads, () => new XxHash3(), (item, hash) =>
        {
            Section section = item.Expected.Section;
            ulong found = Hash(item.File, section, hash);
            if (found != item.Expected.Hash)
                throw Damage.OfSection(model.Path, item.Expected, found).AsError();
            progress?.Report(new ByteProgress(Interlocked.Add(ref done, section.Bytes), total, section.Name));
        }, CancellationToken.None);
    }

    private static ulong Hash(MappedFile file, Section section, XxHash3 hash)
    {
        hash.Reset();
        for (long start = 0; start < section.Bytes; start += ChunkBytes)
            hash.Append(file.Span(section.Offset + start, (int)Math.Min(ChunkBytes, section.Bytes - start)));
        return hash.GetCurrentHashAsUInt64();
    }
}
