using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Safetensors;

/// <summary>One tensor of a safetensors file, after all checks.</summary>
/// <param name="Name">Name in the header.</param>
/// <param name="Type">How an element is stored.</param>
/// <param name="Shape">Sizes, outermost first; all positive.</param>
/// <param name="ByteOffset">First byte, from the start of the file.</param>
/// <param name="ByteLength">Bytes; equals the product of the sizes times the element's bytes.</param>
internal sealed record SafetensorsTensor(string Name, ElementType Type, long[] Shape, long ByteOffset, long ByteLength);
