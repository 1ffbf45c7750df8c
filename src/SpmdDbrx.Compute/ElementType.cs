namespace SpmdDbrx.Compute;

/// <summary>How one weight is stored. Arithmetic is always float32.</summary>
public enum ElementType
{
    Float32,
    Float16,
    BFloat16,
}

/// <summary>Sizes of <see cref="ElementType"/>.</summary>
public static class ElementTypeExtensions
{
    /// <summary>Bytes that <paramref name="count"/> consecutive elements take.</summary>
    /// <exception cref="OverflowException">The size exceeds 63 bits.</exception>
    public static long ByteCount(this ElementType type, long count) => checked(count * type.ElementBytes());

    /// <summary>Bytes of one element.</summary>
    public static int ElementBytes(this ElementType type) => type == ElementType.Float32 ? 4 : 2;
}
