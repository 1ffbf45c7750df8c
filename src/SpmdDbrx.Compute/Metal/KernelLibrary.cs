namespace SpmdDbrx.Compute.Metal;

/// <summary>The compiled kernels; a pipeline is made when its kernel is asked for.</summary>
internal sealed class KernelLibrary : IDisposable
{
    private const nuint LanguageVersion31 = (3 << 16) + 1;  // the first with bfloat

    private readonly nint device;
    private readonly nint library;
    private readonly List<Kernel> kernels = [];

    /// <exception cref="MetalException">The text does not compile.</exception>
    public KernelLibrary(nint device)
    {
        this.device = device;
        using AutoreleasePool pool = AutoreleasePool.Begin();
        nint options = Message.Object(ObjectiveC.Class("MTLCompileOptions"), Selectors.New);
        Message.Void(options, Selectors.SetLanguageVersion, LanguageVersion31);
        // Every rank must take the same routing decisions: IEEE arithmetic, whatever the GPU's generation.
        Message.Void(options, Selectors.SetFastMathEnabled, (byte)0);
        library = Message.Object(device, Selectors.NewLibraryWithSource, Message.String(KernelSource.Text), options, out nint error);
        Message.Void(options, Selectors.Release);
        if (library == 0)
            throw new MetalException($"metal: the kernels do not compile: {Describe(error)}");
    }

    /// <summary>A kernel by the name it exports.</summary>
    /// <exception cref="MetalException">There is none, or the GPU cannot run it.</exception>
    public Kernel Kernel(string name)
    {
        using AutoreleasePool pool = AutoreleasePool.Begin();
        nint function = Message.Object(library, Selectors.NewFunctionWithName, Message.String(name));
        if (function == 0)
            throw new MetalException($"metal: the library has no kernel '{name}'");
        nint pipeline = Message.Object(device, Selectors.NewComputePipelineState, function, out nint error);
        Message.Void(function, Selectors.Release);
        if (pipeline == 0)
            throw new MetalException($"metal: kernel '{name}' has no pipeline: {Describe(error)}");
        Kernel kernel = new(name, pipeline);
        kernels.Add(kernel);
        return kernel;
    }

    public void Dispose()
    {
        foreach (Kernel kernel in kernels)
            Message.Void(kernel.Pipeline, Selectors.Release);
        Message.Void(library, Selectors.Release);
    }

    private static string Describe(nint error) => error == 0 ? "no reason given" : Message.Text(error, Selectors.LocalizedDescription);
}
