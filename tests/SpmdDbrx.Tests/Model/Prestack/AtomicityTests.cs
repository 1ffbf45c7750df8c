using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using Xunit;

namespace SpmdDbrx.Tests.Model.Prestack;

/// <summary>A prestacked directory is there whole or not at all, whatever happens to the run that writes it.</summary>
public sealed class AtomicityTests : IClassFixture<PrestackedFixture>, IDisposable
{
    private static readonly PrestackOptions Plain = new() { Threads = 1 };

    private readonly TemporaryDirectory folder = new();
    private readonly PrestackedFixture fixture;

    public AtomicityTests(PrestackedFixture fixture) => this.fixture = fixture;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(30)]
    public void Run_FailsInTheMiddle_NothingRemains(int report)
    {
        Assert.Throws<IOException>(() => Prestacker.Run(fixture.Checkpoint, folder["out"], Plain, FailAt(report)));

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Root));
    }

    [Fact]
    public void Run_Cancelled_NothingRemains()
    {
        using CancellationTokenSource source = new();

        Assert.ThrowsAny<OperationCanceledException>(() => Prestacker.Run(fixture.Checkpoint, folder["out"], Plain, new Told(_ => source.Cancel()), source.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Root));
    }

    [Fact]
    public void Run_ForceFailsInTheMiddle_TheOldDirectoryIsWhole()
    {
        SmallCheckpoint.Copy(fixture.Prestacked, folder["out"]);

        Assert.Throws<IOException>(() => Prestacker.Run(fixture.Checkpoint, folder["out"], Plain with { Force = true }, FailAt(10)));

        Assert.Equal([folder["out"]], Directory.GetFileSystemEntries(folder.Root));
        Assert.Empty(Verifier.Run(folder["out"], false, 1));
    }

    [Fact]
    public void Run_TargetExists_IsRefusedWithoutForce()
    {
        SmallCheckpoint.Copy(fixture.Prestacked, folder["out"]);
        string before = ModelDirectory.Open(folder["out"]).Fingerprint;

        IOException error = Assert.Throws<IOException>(() => Prestacker.Run(fixture.Checkpoint, folder["out"], Plain with { Weights = ElementType.BFloat16 }));

        Assert.Contains("--force", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, ModelDirectory.Open(folder["out"]).Fingerprint);
    }

    [Fact]
    public void Run_Force_ReplacesTheOldDirectory()
    {
        SmallCheckpoint.Copy(fixture.Prestacked, folder["out"]);

        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], Plain with { Force = true });

        Assert.Equal(16, ModelDirectory.Open(folder["out"]).Config.ExpertCount);
        Assert.Equal([folder["out"]], Directory.GetFileSystemEntries(folder.Root));
    }

    [Fact]
    public void Run_ForceOnWhatIsNoPrestackedModel_LeavesItAlone()
    {
        SmallCheckpoint.Copy(fixture.Checkpoint, folder["out"]);

        Assert.Throws<IOException>(() => Prestacker.Run(fixture.Checkpoint, folder["out"], Plain with { Force = true }));
        Assert.Throws<IOException>(() => Prestacker.Run(folder["out"], folder["out"], Plain with { Force = true }));

        Assert.False(ModelDirectory.Open(folder["out"]).IsPrestacked);
    }

    [Fact]
    public void Run_LeftoversOfAKilledRun_AreCleared()
    {
        Directory.CreateDirectory(folder["out.partial/experts"]);
        File.WriteAllText(folder["out.partial/experts/expert-77.bin"], "half");
        File.WriteAllText(folder["out.partial.lock"], "");

        Prestacker.Run(fixture.Checkpoint, folder["out"], Plain);

        Assert.Equal([folder["out"]], Directory.GetFileSystemEntries(folder.Root));
        Assert.False(File.Exists(folder["out/experts/expert-77.bin"]));
    }

    [Fact]
    public void Run_KilledBetweenTheRenames_TheOldDirectoryComesBack()
    {
        SmallCheckpoint.Copy(fixture.Prestacked, folder["out.old"]);
        Directory.CreateDirectory(folder["out.partial"]);

        Assert.Throws<IOException>(() => Prestacker.Run(fixture.Checkpoint, folder["out"], Plain));

        Assert.Equal([folder["out"]], Directory.GetFileSystemEntries(folder.Root));
        Assert.Empty(Verifier.Run(folder["out"], false, 1));
    }

    [Fact]
    public void Run_AnotherRunIsWriting_IsRefused()
    {
        IOException? second = null;
        Told tryAgain = new(_ => second ??= Assert.Throws<IOException>(() => Prestacker.Run(fixture.Checkpoint, folder["out"], Plain)));

        Prestacker.Run(fixture.Checkpoint, folder["out"], Plain, tryAgain);

        Assert.Contains("another run", second!.Message, StringComparison.Ordinal);
        Assert.Empty(Verifier.Run(folder["out"], false, 1));
    }

    [Fact]
    public void Run_MoreThanTheDiskHolds_IsRefusedBeforeWriting()
    {
        // A checkpoint of 5 TB in a few kilobytes of disk: its tensors are holes.
        string model = SparseCheckpoint.Write(folder["huge"], SmallCheckpoint.Config with { HiddenDim = 1 << 18, HeadCount = 1 << 17, HeadDim = 2, VocabularySize = 1 << 22 });

        IOException error = Assert.Throws<IOException>(() => Prestacker.Run(model, folder["out"], Plain));

        Assert.Contains("free bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal([model], Directory.GetFileSystemEntries(folder.Root));
    }

    private static Told FailAt(int report)
    {
        int count = 0;
        return new Told(_ =>
        {
            if (++count == report)
                throw new IOException("the disk broke");
        });
    }
}
