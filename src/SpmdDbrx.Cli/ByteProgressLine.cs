using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;

namespace SpmdDbrx.Cli;

/// <summary>Progress in bytes, reported from several threads, as one line.</summary>
internal sealed class ByteProgressLine : IProgress<ByteProgress>, IDisposable
{
    private readonly string verb;
    private readonly Lock printing = new();
    private ProgressLine? line;

    /// <param name="verb">"prestacking", "verifying".</param>
    public ByteProgressLine(string verb) => this.verb = verb;

    public void Report(ByteProgress value)
    {
        lock (printing)
        {
            line ??= new ProgressLine(verb, value.Total);
            line.Report(value.Done, $"{verb} {InventoryText.Size(value.Done)} of {InventoryText.Size(value.Total)}");
        }
    }

    public void Dispose() => line?.Dispose();
}
