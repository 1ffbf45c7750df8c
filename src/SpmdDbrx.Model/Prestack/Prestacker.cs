using Microsoft.Win32.SafeHandles;
using SpmdDbrx.Compute;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Turns a checkpoint into a prestacked directory: every expert of all layers becomes one file ([P1] §4.1; FORMAT.md).</summary>
public sealed class Prestacker
{
    private readonly HuggingFaceModel source;
    private readonly PrestackOptions options;
    private readonly IProgress<ByteProgress>? progress;
    private readonly CancellationToken cancellation;
    private readonly List<Section> sections;
    private readonly List<WeightLocation[]> sources;
    private readonly long totalBytes;
    private long doneBytes;

    private Prestacker(HuggingFaceModel source, PrestackOptions options, IProgress<ByteProgress>? progress, CancellationToken cancellation)
    {
        this.source = source;
        this.options = options;
        this.progress = progress;
        this.cancellation = cancellation;
        WeightLocation[] shared = [.. source.SharedWeights()];
        sections = PrestackLayout.Sections(source.Config, index => [.. Matrices(shared, index).Select(matrix => options.Weights ?? matrix.Type)]);
        sources = [.. Enumerable.Range(0, sections.Count).Select(index => Matrices(shared, index))];
        totalBytes = sections.Sum(section => section.Bytes);
    }

    /// <summary>Prestacks. Memory stays at a few buffers a thread, whatever the size of the model.</summary>
    /// <param name="model">Hugging Face checkpoint directory.</param>
    /// <param name="output">Directory to create; appears only when complete, and the one it replaces stays until then.</param>
    /// <param name="options">See <see cref="PrestackOptions"/>.</param>
    /// <param name="progress">Told often how far it is, from several threads.</param>
    /// <param name="cancellation">Stops the run and removes what it wrote.</param>
    /// <exception cref="InvalidModelException">The checkpoint is wrong.</exception>
    /// <exception cref="IOException">The output is there already, the disk is full, or it failed.</exception>
    public static void Run(string model, string output, PrestackOptions options, IProgress<ByteProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (ModelDirectory.Open(model) is not HuggingFaceModel source)
            throw new InvalidModelException($"{model}: is prestacked already");
        new Prestacker(source, options, progress, cancellation).Run(output);
    }

    private void Run(string output)
    {
        using DirectoryReplacement target = DirectoryReplacement.Begin(output, options.Force);
        DiskSpace.Require(target.Path, totalBytes);
        Directory.CreateDirectory(Path.Combine(target.Path, PrestackLayout.ExpertFolder));
        ulong[] hashes = new ulong[sections.Count];
        List<Manifest.HashedFile> files = WriteWeights(target.Path, hashes);
        files.AddRange(ModelFiles.Copied(source.Path).Select(name => SmallFile.Copy(source.Path, target.Path, name)));
        DirectoryEntries.Flush(Path.Combine(target.Path, PrestackLayout.ExpertFolder));

        JsonFields config = JsonFile.ReadObject(Path.Combine(source.Path, ModelFiles.Config));
        byte[] manifest = ManifestWriter.Write(config.Element, files, [.. sections.Zip(hashes, (section, hash) => new Manifest.HashedSection(section, hash))]);
        using (FileStream stream = new(Path.Combine(target.Path, Manifest.FileName), FileMode.CreateNew))
        {
            stream.Write(manifest);
            stream.Flush(flushToDisk: true);
        }
        target.Commit();
    }

    /// <summary>The matrices of the checkpoint that the section of that number holds.</summary>
    private WeightLocation[] Matrices(WeightLocation[] shared, int section)
    {
        if (section < shared.Length)
            return [shared[section]];
        (int expert, int layer) = Math.DivRem(section - shared.Length, source.Config.LayerCount);
        ExpertLocation location = source.Expert(layer, expert);
        return [location.W1, location.V1, location.W2];
    }

    private List<Manifest.HashedFile> WriteWeights(string directory, ulong[] hashes)
    {
        IGrouping<string, int>[] files = [.. Enumerable.Range(0, sections.Count).GroupBy(index => sections[index].File)];
        Manifest.HashedFile[] written = new Manifest.HashedFile[files.Length];
        Dictionary<string, SafeFileHandle> handles = OpenSources();
        try
        {
            Workers.Run(Enumerable.Range(0, files.Length), options.Threads, () => new SectionCopy(handles),
                (index, copy) => written[index] = WriteFile(directory, files[index].Key, [.. files[index]], copy, hashes), cancellation);
        }
        finally
        {
            foreach (SafeFileHandle handle in handles.Values)
                handle.Dispose();
        }
        return [.. written];
    }

    private Manifest.HashedFile WriteFile(string directory, string name, int[] indices, SectionCopy copy, ulong[] hashes)
    {
        long bytes = indices.Sum(index => sections[index].Bytes);
        using HashingWriter writer = new(Path.Combine(directory, name), bytes);
        foreach (int index in indices)
        {
            Section section = sections[index];
            copy.Run(section, sources[index], writer, count => Advance(count, section.Name));
            hashes[index] = writer.EndSection();
            Advance(section.Bytes - section.WeightBytes, section.Name);
        }
        return new Manifest.HashedFile(name, bytes, writer.EndFile());
    }

    private void Advance(long bytes, string what)
    {
        cancellation.ThrowIfCancellationRequested();
        progress?.Report(new ByteProgress(Interlocked.Add(ref doneBytes, bytes), totalBytes, what));
    }

    private Dictionary<string, SafeFileHandle> OpenSources() =>
        sources.SelectMany(matrices => matrices).Select(matrix => matrix.File).Distinct()
            .ToDictionary(file => file, file => File.OpenHandle(Path.Combine(source.Path, file)));
}
