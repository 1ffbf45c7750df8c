using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Tests.Model;

namespace SpmdDbrx.Tests;

/// <summary>The tiny trained model, prestacked once for all tests that share this fixture.</summary>
public sealed class PrestackedTinyModel : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("spmd-tiny-").FullName;

    public PrestackedTinyModel() => Prestacker.Run(RepositoryPaths.TinyModel, ModelPath, new PrestackOptions());

    /// <summary>The prestacked directory.</summary>
    public string ModelPath => Path.Combine(folder, "tiny-dbrx.prestacked");

    /// <summary>A copy that a test may damage.</summary>
    public string Copy(string name) => SmallCheckpoint.Copy(ModelPath, Path.Combine(folder, name));

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
