using System.IO.Hashing;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Copies and checks the files beside the weights: configurations and tokenizer.</summary>
internal static class SmallFile
{
    /// <summary>Copies a file, syncs the copy, and returns its entry for the manifest.</summary>
    public static Manifest.HashedFile Copy(string sourceDirectory, string targetDirectory, string name)
    {
        string target = Path.Combine(targetDirectory, name);
        using FileStream source = File.OpenRead(Path.Combine(sourceDirectory, name));
        using FileStream copy = new(target, FileMode.CreateNew, FileAccess.ReadWrite);
        source.CopyTo(copy);
        copy.Flush(flushToDisk: true);
        copy.Position = 0;
        return new Manifest.HashedFile(name, copy.Length, Hash(copy));
    }

    /// <summary>Checks a file against its entry.</summary>
    /// <exception cref="InvalidModelException">The hash differs.</exception>
    public static void RequireHash(string path, Manifest.HashedFile expected)
    {
        using FileStream stream = File.OpenRead(path);
        UInt128 found = Hash(stream);
        if (found != expected.Hash)
            throw Damage.OfFile(path, expected, found).AsError();
    }

    private static UInt128 Hash(FileStream stream)
    {
        XxHash128 hash = new();
        hash.Append(stream);
        return hash.GetCurrentHashAsUInt128();
    }
}
