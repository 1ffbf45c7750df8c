using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>A prestacked directory: every expert's weights of all layers in one file, mapped as one array and reached by indexing ([P1] §4.1).</summary>
/// <remarks>A node needs manifest.json, shared.bin, the small files, and the expert files it hosts; the others may be missing.</remarks>
public sealed class PrestackedModel : ModelDirectory
{
    private readonly Manifest manifest;

    private PrestackedModel(string path, Manifest manifest) : base(path, manifest.Config)
    {
        this.manifest = manifest;
        WeightFiles = [.. manifest.Files.Take(manifest.WeightFileCount).Select(file => new WeightFile(file.Name, file.Bytes))];
    }

    /// <inheritdoc/>
    public override bool IsPrestacked => true;

    /// <summary>XXH3-128 of the manifest, which holds the hashes of everything else.</summary>
    public override string Fingerprint => Hex.Of(manifest.Hash);

    /// <inheritdoc/>
    public override IReadOnlyList<WeightFile> WeightFiles { get; }

    /// <inheritdoc/>
    public override WeightLocation Embedding => Shared(0);

    /// <inheritdoc/>
    public override WeightLocation FinalNorm => Shared(PrestackLayout.SharedCount(Config) - 2);

    /// <inheritdoc/>
    public override WeightLocation LmHead => Shared(PrestackLayout.SharedCount(Config) - 1);

    /// <inheritdoc/>
    public override WeightLocation AttentionNorm(int layer) => Shared(layer, 0);

    /// <inheritdoc/>
    public override WeightLocation Wqkv(int layer) => Shared(layer, 1);

    /// <inheritdoc/>
    public override WeightLocation AttentionOutput(int layer) => Shared(layer, 2);

    /// <inheritdoc/>
    public override WeightLocation ExpertNorm(int layer) => Shared(layer, 3);

    /// <inheritdoc/>
    public override WeightLocation Router(int layer) => Shared(layer, 4);

    /// <inheritdoc/>
    public override ExpertLocation Expert(int layer, int expert)
    {
        RequireLayer(layer);
        ArgumentOutOfRangeException.ThrowIfNegative(expert);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(expert, Config.ExpertCount);
        Section section = manifest.Sections[PrestackLayout.SharedCount(Config) + (expert * Config.LayerCount) + layer].Section;
        return new ExpertLocation(section.Locate(0), section.Locate(1), section.Locate(2));
    }

    /// <summary>Opens a prestacked directory: its manifest, the lengths of the weight files that are here, the hashes of the small files.</summary>
    /// <exception cref="InvalidModelException">Anything missing or not as the manifest says.</exception>
    public static new PrestackedModel Open(string path)
    {
        Manifest manifest = Manifest.Read(path);
        for (int index = 0; index < manifest.Files.Count; index++)
        {
            Manifest.HashedFile file = manifest.Files[index];
            FileInfo found = new(System.IO.Path.Combine(path, file.Name));
            bool isExpert = index > 0 && index < manifest.WeightFileCount;
            if (!found.Exists && isExpert)
                continue;
            if (!found.Exists || found.Length != file.Bytes)
                throw Damage.OfLength(found.FullName, file, found.Exists ? found.Length : null).AsError();
            if (index >= manifest.WeightFileCount)
                SmallFile.RequireHash(found.FullName, file);
        }
        return new PrestackedModel(path, manifest);
    }

    /// <summary>Checks every byte of weight files that are about to be used against the hashes of their sections, and so brings them into memory.</summary>
    /// <param name="files">Files mapped by <see cref="ModelDirectory.Map"/>.</param>
    /// <param name="threads">Threads that hash; sections of all files are shared out among them.</param>
    /// <param name="progress">Told after every section.</param>
    /// <exception cref="InvalidModelException">A section is damaged: file, offset, expected and found hash.</exception>
    public void Verify(IEnumerable<MappedFile> files, int threads, IProgress<ByteProgress>? progress = null) =>
        MappedVerification.Run(this, manifest, files, threads, progress);

    private WeightLocation Shared(int section) => manifest.Sections[section].Section.Locate(0);

    private WeightLocation Shared(int layer, int kind)
    {
        RequireLayer(layer);
        return Shared(1 + (PrestackLayout.SharedPerLayer * layer) + kind);
    }

    private void RequireLayer(int layer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Config.LayerCount);
    }
}
