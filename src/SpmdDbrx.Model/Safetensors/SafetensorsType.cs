using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Safetensors;

/// <summary>The names that safetensors gives to element types; the prestack manifest uses them too.</summary>
internal static class SafetensorsType
{
    /// <summary>"BF16", "F16" or "F32".</summary>
    public static string Name(ElementType type) => type switch
    {
        ElementType.BFloat16 => "BF16",
        ElementType.Float16 => "F16",
        _ => "F32",
    };

    /// <summary>The type of that name; null for any other name.</summary>
    public static ElementType? Parse(string? name) => name switch
    {
        "BF16" => ElementType.BFloat16,
        "F16" => ElementType.Float16,
        "F32" => ElementType.Float32,
        _ => null,
    };
}
