using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Metal;

/// <summary>MTLSize: threadgroups of a grid or threads of a threadgroup.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MetalSize(nuint Width, nuint Height, nuint Depth)
{
    public static MetalSize Of(int width, int height = 1, int depth = 1) => new((nuint)width, (nuint)height, (nuint)depth);
}
