using SpmdDbrx.Model.Prestack;

namespace SpmdDbrx.Tests.Model.Prestack;

/// <summary>One small checkpoint and its prestacked directory for all tests of a class.</summary>
public sealed class PrestackedFixture : IDisposable
{
    private readonly TemporaryDirectory folder = new();

    public PrestackedFixture()
    {
        Checkpoint = SmallCheckpoint.Write(folder["checkpoint"]);
        File.WriteAllText(Path.Combine(Checkpoint, "tokenizer.json"), "{\"small\": true}");
        File.WriteAllText(Path.Combine(Checkpoint, "extra.tiktoken"), "AA== 0");
        Prestacked = folder["prestacked"];
        Prestacker.Run(Checkpoint, Prestacked, new PrestackOptions { Threads = 1 });
    }

    public string Checkpoint { get; }

    public string Prestacked { get; }

    public void Dispose() => folder.Dispose();
}
