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
        InvalidModelException? failure = null;
        Parallel.ForEach(work, new ParallelOptions { MaxDegreeOfParallelism = threads }, (item, loop) =>
        {
            Section section = item.Expected.Section;
            ulong found = Hash(item.File, section);
            if (found != item.Expected.Hash)
            {
                Interlocked.CompareExchange(ref failure, Failure(model.Path, item.Expected, found), null);
                loop.Stop();
            }
            progress?.Report(new ByteProgress(Interlocked.Add(ref done, section.Bytes), total, section.Name));
        });
        if (failure is not null)
            throw failure;
    }

    private static ulong Hash(MappedFile file, Section section)
    {
        XxHash3 hash = new();
        for (long start = 0; start < section.Bytes; start += ChunkBytes)
            hash.Append(file.Span(section.Offset + start, (int)Math.Min(ChunkBytes, section.Bytes - start)));
        return hash.GetCurrentHashAsUInt64();
    }

    private static InvalidModelException Failure(string directory, Manifest.HashedSection expected, ulong found) =>
        new($"{Path.Combine(directory, expected.Section.File)}: section {expected.Section.Name} at offset {expected.Section.Offset}, {expected.Section.Bytes} bytes: "
            + $"expected XXH3-64 {Hex.Of(expected.Hash)}, found {Hex.Of(found)}; the file is damaged: copy it again");
}
