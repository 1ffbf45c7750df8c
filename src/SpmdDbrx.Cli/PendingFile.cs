namespace SpmdDbrx.Cli;

/// <summary>An output file that is written beside its place and renamed when complete: a failed run leaves no half-written file.</summary>
internal sealed class PendingFile : IDisposable
{
    private readonly string path;
    private bool completed;

    /// <param name="path">Final name; an existing file is replaced on <see cref="Complete"/>.</param>
    public PendingFile(string path)
    {
        this.path = path;
        Stream = new FileStream(TemporaryPath, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 1 << 20);
    }

    /// <summary>Where to write.</summary>
    public FileStream Stream { get; }

    private string TemporaryPath => path + ".partial";

    /// <summary>Everything is written: renames the file.</summary>
    public void Complete()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(TemporaryPath, path, overwrite: true);
        completed = true;
    }

    public void Dispose()
    {
        Stream.Dispose();
        if (!completed)
            File.Delete(TemporaryPath);
    }
}
