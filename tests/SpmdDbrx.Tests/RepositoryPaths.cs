namespace SpmdDbrx.Tests;

/// <summary>Where the repository's models and goldens lie, found by walking up from the test assembly.</summary>
internal static class RepositoryPaths
{
    public static string Root { get; } = FindRoot();

    public static string TinyModel => Path.Combine(Root, "tests", "models", "tiny-dbrx");

    public static string Golden(string file) => Path.Combine(Root, "tests", "golden", file);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SpmdDbrx.sln")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException($"SpmdDbrx.sln: not above {AppContext.BaseDirectory}; run the tests from a checkout");
    }
}
