using System.Runtime.InteropServices;

namespace SpmdDbrx.Mpi;

/// <summary>Finds and loads the shim of native/mpi, which is compiled against one MPI.</summary>
internal static class MpiLibrary
{
    /// <summary>The name NativeMpi imports from.</summary>
    public const string Name = "spmd_mpi";

    /// <summary>Environment variable with the path of the shim, set by run.sh to the one that fits mpiexec.</summary>
    public const string PathVariable = "SPMD_MPI_LIBRARY";

    private static readonly string FileName = OperatingSystem.IsMacOS() ? "libspmd_mpi.dylib" : "libspmd_mpi.so";

    /// <summary>Loads the shim and with it the MPI it was linked with.</summary>
    /// <exception cref="MpiException">It is not there or does not load.</exception>
    public static void Load()
    {
        string path = Find();
        try
        {
            nint library = NativeLibrary.Load(path);
            NativeLibrary.SetDllImportResolver(typeof(MpiLibrary).Assembly, (name, _, _) => name == Name ? library : 0);
        }
        catch (DllNotFoundException exception)
        {
            throw new MpiException($"{path}: cannot be loaded ({exception.Message.ReplaceLineEndings(" ").Trim()}); build it with run.sh and the MPI of this machine (MPICC)", exception);
        }
    }

    private static string Find()
    {
        string? given = System.Environment.GetEnvironmentVariable(PathVariable);
        if (!string.IsNullOrEmpty(given))
        {
            return File.Exists(given)
                ? Path.GetFullPath(given)
                : throw new MpiException($"{given}: no such file ({PathVariable}); build it with run.sh and the MPI of this machine (MPICC)");
        }
        string beside = Path.Combine(AppContext.BaseDirectory, FileName);
        return File.Exists(beside) ? beside : FindInRepository()
            ?? throw new MpiException($"{FileName}: not found, and several ranks need it; start with run.sh, which builds it with mpicc (MPICC), or set {PathVariable}");
    }

    // The shim built last is that of the MPI in use, unless PathVariable says otherwise.
    private static string? FindInRepository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "SpmdDbrx.sln")))
                continue;
            DirectoryInfo builds = new(Path.Combine(folder.FullName, "build", "native"));
            return builds.Exists
                ? builds.EnumerateFiles(FileName, SearchOption.AllDirectories).MaxBy(file => file.LastWriteTimeUtc)?.FullName
                : null;
        }
        return null;
    }
}
