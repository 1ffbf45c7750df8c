using System.IO.Hashing;
using System.Text;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Synthetic;

/// <summary>One tensor of a synthetic checkpoint: uniform values around a mean.</summary>
/// <param name="Name">Name in the checkpoint.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Type">How elements are stored.</param>
/// <param name="Mean">Mean of its values.</param>
/// <param name="Deviation">Standard deviation of its values.</param>
internal sealed record SyntheticTensor(string Name, long[] Shape, ElementType Type, float Mean, float Deviation)
{
    /// <summary>Elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>Bytes in the file.</summary>
    public long Bytes => Type.ByteCount(Count);

    /// <summary>Key of its random numbers: depends on the seed and the name, not on the file it ends up in.</summary>
    public ulong Key(ulong seed) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(Name), unchecked((long)seed));
}
