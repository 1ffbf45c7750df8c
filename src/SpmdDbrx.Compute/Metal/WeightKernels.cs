namespace SpmdDbrx.Compute.Metal;

/// <summary>One kernel in all the forms a weight can have: three element types, read one or four at a time.</summary>
internal sealed class WeightKernels(KernelLibrary library, string name)
{
    private readonly Kernel?[] kernels = new Kernel?[6];

    /// <param name="type">How the weights are stored.</param>
    /// <param name="wide">Whether every row can be read four elements at a time.</param>
    public Kernel For(ElementType type, bool wide)
    {
        ref Kernel? kernel = ref kernels[((int)type * 2) + (wide ? 1 : 0)];
        return kernel ??= library.Kernel($"{name}_{Suffix(type)}{(wide ? "_wide" : "")}");
    }

    public static string Suffix(ElementType type) => type switch
    {
        ElementType.Float32 => "float32",
        ElementType.Float16 => "float16",
        ElementType.BFloat16 => "bfloat16",
        _ => throw new NotSupportedException($"metal: weights of type {type} are not supported"),
    };
}
