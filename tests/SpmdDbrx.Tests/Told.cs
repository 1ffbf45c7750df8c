using SpmdDbrx.Model;

namespace SpmdDbrx.Tests;

/// <summary>Hears progress at once, on the thread that reports it.</summary>
internal sealed class Told(Action<ByteProgress> hear) : IProgress<ByteProgress>
{
    public void Report(ByteProgress value) => hear(value);
}
