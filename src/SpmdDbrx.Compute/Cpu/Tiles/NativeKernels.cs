using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>The bfloat16 dot products of native/cpu: functions of one of its kernels.</summary>
internal sealed unsafe class NativeKernels
{
    /// <summary>Environment variable with the path of the library.</summary>
    public const string PathVariable = "SPMD_CPU_LIBRARY";

    private const int PortableKernel = 3;
    private static readonly string FileName = OperatingSystem.IsMacOS() ? "libspmd_cpu.dylib" : "libspmd_cpu.so";
    private static readonly Lazy<NativeKernels?> ofProcessor = new(() => Load(portable: false));
    private static readonly Lazy<NativeKernels?> portable = new(() => Load(portable: true));
    private readonly delegate* unmanaged<int, long, double> chains;
    private readonly int kernel;

    private NativeKernels(nint library, int kernel)
    {
        this.kernel = kernel;
        Lanes = ((delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "spmd_cpu_lanes"))(kernel);
        var tile = (delegate* unmanaged<int, int, nint>)NativeLibrary.GetExport(library, "spmd_cpu_tile");
        Wide = (delegate* unmanaged[SuppressGCTransition]<float*, nint, nint, float*, int, float*, void>)tile(kernel, 1);
        Narrow = (delegate* unmanaged[SuppressGCTransition]<float*, nint, nint, float*, int, float*, void>)tile(kernel, 0);
        chains = (delegate* unmanaged<int, long, double>)NativeLibrary.GetExport(library, "spmd_cpu_chains");
    }

    /// <summary>The processor's instructions; null where it has none, or where the library is missing.</summary>
    public static NativeKernels? OfProcessor => ofProcessor.Value;

    /// <summary>The same tiles on an instruction written in C++, for tests on any processor; null where the library is missing.</summary>
    public static NativeKernels? Portable => portable.Value;

    /// <summary>Lanes of a register.</summary>
    public int Lanes { get; }

    /// <summary>c += a · b as <see cref="Tile{TVector}.Add"/> has it, on cells of two bfloat16, for both registers of a panel.</summary>
    /// <remarks>A tile of the processor's takes less than a microsecond: short enough to keep the garbage collector waiting.</remarks>
    public delegate* unmanaged[SuppressGCTransition]<float*, nint, nint, float*, int, float*, void> Wide { get; }

    /// <summary>The same for the first register of a panel.</summary>
    public delegate* unmanaged[SuppressGCTransition]<float*, nint, nint, float*, int, float*, void> Narrow { get; }

    /// <summary>Nothing but dot products, to measure the peak of a core; returns the floating-point operations done.</summary>
    public double RunChains(long rounds) => chains(kernel, rounds);

    private static NativeKernels? Load(bool portable)
    {
        if (Find() is not string path || !NativeLibrary.TryLoad(path, out nint library))
            return null;
        int kernel = portable ? PortableKernel : ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, "spmd_cpu_kernel"))();
        return kernel == 0 ? null : new NativeKernels(library, kernel);
    }

    private static string? Find()
    {
        string? named = Environment.GetEnvironmentVariable(PathVariable);
        if (!string.IsNullOrEmpty(named))
            return named;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string built = Path.Combine(folder.FullName, "build", "native", "cpu", FileName);
            if (File.Exists(built))
                return built;
        }
        return null;
    }
}
