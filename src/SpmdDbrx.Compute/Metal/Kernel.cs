namespace SpmdDbrx.Compute.Metal;

/// <summary>A kernel that is ready to run.</summary>
internal sealed class Kernel
{
    public const int SimdWidth = 32;

    private readonly int maximumThreads;

    public Kernel(string name, nint pipeline)
    {
        Name = name;
        Pipeline = pipeline;
        maximumThreads = (int)Message.UInt64(pipeline, Selectors.MaxTotalThreadsPerThreadgroup);
        if (Message.UInt64(pipeline, Selectors.ThreadExecutionWidth) != SimdWidth)
            throw new MetalException($"metal: kernel '{name}': this GPU's SIMD-groups are not {SimdWidth} threads wide");
    }

    public string Name { get; }

    public nint Pipeline { get; }

    /// <summary>The wanted threads of a threadgroup, fewer where registers do not suffice; a multiple of the SIMD width.</summary>
    public int Threads(int wanted) => Math.Min(wanted, maximumThreads / SimdWidth * SimdWidth);

    /// <summary>For kernels whose tiling fixes the threads of a threadgroup.</summary>
    /// <exception cref="MetalException">The GPU cannot run so many.</exception>
    public int ExactThreads(int needed) => maximumThreads >= needed
        ? needed
        : throw new MetalException($"metal: kernel '{Name}' needs {needed} threads a threadgroup, this GPU runs {maximumThreads}");
}
