namespace SpmdDbrx.Model.Prestack;

/// <summary>A stretch of a prestacked directory that is not what its manifest says.</summary>
/// <param name="File">Path of the file.</param>
/// <param name="Offset">First byte of the stretch; where the file ends, if its length is wrong.</param>
/// <param name="What">"section layers.3.experts.7 of 65536 bytes", "all 4711 bytes", "length".</param>
/// <param name="Expected">Expected hash or length.</param>
/// <param name="Found">Found hash or length.</param>
public sealed record Damage(string File, long Offset, string What, string Expected, string Found)
{
    /// <summary>One line: where, what, expected, found.</summary>
    public override string ToString() => $"{File}: offset {Offset}: {What}: expected {Expected}, found {Found}";

    internal static Damage OfSection(string directory, Manifest.HashedSection expected, ulong found) =>
        new(Path.Combine(directory, expected.Section.File), expected.Section.Offset,
            $"section {expected.Section.Name} of {expected.Section.Bytes} bytes", $"XXH3-64 {Hex.Of(expected.Hash)}", Hex.Of(found));

    internal static Damage OfFile(string path, Manifest.HashedFile expected, UInt128 found) =>
        new(path, 0, $"all {expected.Bytes} bytes", $"XXH3-128 {Hex.Of(expected.Hash)}", Hex.Of(found));

    internal static Damage OfLength(string path, Manifest.HashedFile expected, long? found) =>
        new(path, Math.Min(expected.Bytes, found ?? 0), "length", $"{expected.Bytes} bytes",
            found is null ? "no such file" : $"{found} bytes ({(found < expected.Bytes ? "truncated" : "too long")})");

    internal InvalidModelException AsError() => new($"{this}; copy the file again or run prestack again");
}
