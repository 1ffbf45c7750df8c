using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Prestack;

/// <summary>What manifest.json says: the configuration, every file with its length and hash, every section with its hash. FORMAT.md describes it.</summary>
/// <param name="Config">Sizes and constants.</param>
/// <param name="Files">Weight files first, then the copied small files.</param>
/// <param name="Sections">All sections, in the order of <see cref="PrestackLayout.Sections"/>.</param>
/// <param name="Hash">XXH3-128 of the manifest itself; covers all the others.</param>
internal sealed record Manifest(ModelConfig Config, IReadOnlyList<Manifest.HashedFile> Files, IReadOnlyList<Manifest.HashedSection> Sections, UInt128 Hash)
{
    public const string FileName = "manifest.json";
    public const string Format = "spmd-dbrx-prestack";
    public const int Version = 2;

    /// <summary>A file relative to the directory, its length and XXH3-128.</summary>
    public readonly record struct HashedFile(string Name, long Bytes, UInt128 Hash);

    /// <summary>A section and its XXH3-64.</summary>
    public readonly record struct HashedSection(Section Section, ulong Hash);

    /// <summary>How many of <see cref="Files"/> hold weights.</summary>
    public int WeightFileCount => 1 + Config.ExpertCount;

    /// <summary>Reads and checks manifest.json of a directory.</summary>
    public static Manifest Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        return ManifestReader.Read(JsonFile.ReadBytes(path), path);
    }
}
