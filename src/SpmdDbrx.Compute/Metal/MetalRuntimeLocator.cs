namespace SpmdDbrx.Compute.Metal;

/// <summary>Where Metal comes from: the system's frameworks on macOS, elsewhere the emulator that <c>make -C native/metal</c> builds.</summary>
internal static class MetalRuntimeLocator
{
    /// <summary>Environment variable with the path of libfakemetal.so.</summary>
    public const string EmulatorVariable = "SPMD_METAL_EMULATOR";

    private const string EmulatorInRepository = "build/native/metal/libfakemetal.so";

    /// <summary>Path of the emulator, or null when there is none.</summary>
    public static string? FindEmulator()
    {
        string? named = Environment.GetEnvironmentVariable(EmulatorVariable);
        if (!string.IsNullOrEmpty(named))
            return named;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, EmulatorInRepository);
            if (File.Exists(candidate))
                return candidate;
        }
        return null;
    }

    /// <summary>Path of the emulator.</summary>
    /// <exception cref="MetalException">There is none, or the variable names a file that does not exist.</exception>
    public static string RequireEmulator()
    {
        string path = FindEmulator()
            ?? throw new MetalException($"metal: no Apple GPU here and no emulator; build one with `make -C native/metal` or name it in {EmulatorVariable}");
        return File.Exists(path) ? path : throw new MetalException($"metal: {EmulatorVariable}={path}: no such file");
    }
}
