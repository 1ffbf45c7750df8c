using SpmdDbrx.Compute;
using SpmdDbrx.Model.Prestack;

namespace SpmdDbrx.Model;

/// <summary>A directory that appears under its name only when it is complete: written as NAME.partial, synced, renamed.</summary>
/// <remarks>A directory that is replaced moves to NAME.old between two renames; a run killed just there is put right by the next one.
/// Disposed without <see cref="Commit"/>, nothing remains.</remarks>
internal sealed class DirectoryReplacement : IDisposable
{
    private readonly string target;
    private readonly string old;
    private readonly FileStream lockFile;

    private DirectoryReplacement(string target, FileStream lockFile)
    {
        this.target = target;
        this.lockFile = lockFile;
        old = target + ".old";
        Path = PartialPath(target);
    }

    /// <summary>Where to write.</summary>
    public string Path { get; }

    /// <summary>Starts a replacement and clears what an interrupted run left behind.</summary>
    /// <param name="target">The directory to be.</param>
    /// <param name="force">Replace one that is there, if it is a prestacked directory.</param>
    /// <exception cref="IOException">The target is there and may not be replaced, or another run is writing it.</exception>
    public static DirectoryReplacement Begin(string target, bool force)
    {
        target = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target));
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target) ?? throw new IOException($"{target}: is no place for a model"));
        DirectoryReplacement replacement = new(target, Lock(target));
        try
        {
            replacement.Recover();
            if (Directory.Exists(replacement.Path))
                Directory.Delete(replacement.Path, recursive: true);
            RequireReplaceable(target, force);
            Directory.CreateDirectory(replacement.Path);
            return replacement;
        }
        catch
        {
            replacement.lockFile.Dispose();
            throw;
        }
    }

    /// <summary>Puts the directory, whose files are synced, in place of the old one.</summary>
    public void Commit()
    {
        DirectoryEntries.Flush(Path);
        string parent = System.IO.Path.GetDirectoryName(target)!;
        if (Directory.Exists(target))
            Directory.Move(target, old);
        Directory.Move(Path, target);
        DirectoryEntries.Flush(parent);
        if (Directory.Exists(old))
            Directory.Delete(old, recursive: true);
    }

    public void Dispose()
    {
        try
        {
            Recover();
            if (Directory.Exists(Path))
                Directory.Delete(Path, recursive: true);
        }
        finally
        {
            lockFile.Dispose();
        }
    }

    private static string PartialPath(string target) => target + ".partial";

    private static FileStream Lock(string target)
    {
        string path = PartialPath(target) + ".lock";
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error) when (File.Exists(path))
        {
            throw new IOException($"{target}: another run is writing it ({path} is locked)", error);
        }
    }

    /// <summary>The old directory comes back if the run that replaced it was killed between its two renames.</summary>
    private void Recover()
    {
        if (!Directory.Exists(old))
            return;
        if (Directory.Exists(target))
            Directory.Delete(old, recursive: true);
        else
            Directory.Move(old, target);
    }

    private static void RequireReplaceable(string target, bool force)
    {
        if (File.Exists(target))
            throw new IOException($"{target}: expected a directory or nothing, found a file");
        if (!Directory.Exists(target) || !Directory.EnumerateFileSystemEntries(target).Any())
            return;
        if (!force)
            throw new IOException($"{target}: is there already; --force replaces it");
        if (!File.Exists(System.IO.Path.Combine(target, Manifest.FileName)))
            throw new IOException($"{target}: holds no prestacked model, so --force does not replace it; remove it yourself");
    }
}
