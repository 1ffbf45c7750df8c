using System.Runtime.InteropServices;

namespace SpmdDbrx.Cli.Generation;

/// <summary>Logits of every position, float32 little-endian [tokens, vocabulary]; appears under its name only when complete.</summary>
internal sealed class LogitsFile : IDisposable
{
    private readonly PendingFile file;

    public LogitsFile(string path) => file = new PendingFile(path);

    /// <summary>Appends one position.</summary>
    /// <param name="logits">[vocabulary].</param>
    public void Append(ReadOnlySpan<float> logits) => file.Stream.Write(MemoryMarshal.AsBytes(logits));

    /// <summary>Gives the file its name.</summary>
    public void Complete() => file.Complete();

    public void Dispose() => file.Dispose();
}
