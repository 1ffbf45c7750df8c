using SpmdDbrx.Model.Prestack;

namespace SpmdDbrx.Tests;

/// <summary>The tiny trained model, prestacked once for all tests that share this fixture.</summary>
public sealed class PrestackedTinyModel : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("spmd-tiny-").FullName;

    public PrestackedTinyModel() => Prestacker.Run(RepositoryPaths.TinyModel, ModelPath, new PrestackOptions());

    /// <summary>The prestacked directory.</summary>
    public string ModelPath => Path.Combine(folder, "tiny-dbrx.prestacked");

    /// <summary>A copy that a test may damage.</summary>
    public string Copy(string name)
    {
        string target = Path.Combine(folder, name);
        foreach (string file in Directory.EnumerateFiles(ModelPath, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(target, Path.GetRelativePath(ModelPath, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        return target;
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
