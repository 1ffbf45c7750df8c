namespace SpmdDbrx.Tests.Model;

/// <summary>One small checkpoint for all tests of a class.</summary>
public sealed class SmallCheckpointFixture : IDisposable
{
    private readonly TemporaryDirectory folder = new();

    public SmallCheckpointFixture() => Path = SmallCheckpoint.Write(folder["checkpoint"]);

    public string Path { get; }

    public void Dispose() => folder.Dispose();
}
