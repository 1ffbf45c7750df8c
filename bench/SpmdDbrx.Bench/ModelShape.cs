using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>Sizes of the two benchmark models.</summary>
/// <param name="Name">Letter of the shape.</param>
/// <param name="HiddenDim">d_model.</param>
/// <param name="Neurons">Hidden units of an expert.</param>
/// <param name="Attention">Heads.</param>
public sealed record ModelShape(string Name, int HiddenDim, int Neurons, AttentionShape Attention)
{
    /// <summary>A small model of eight layers.</summary>
    public static ModelShape S { get; } = new("S", 2048, 3584, new AttentionShape(16, 4, 128, Clip: 8));

    /// <summary>The true width of DBRX.</summary>
    public static ModelShape W { get; } = new("W", 6144, 10752, new AttentionShape(48, 8, 128, Clip: 8));

    /// <summary>Bytes of one bfloat16 expert of one layer.</summary>
    public long ExpertBytes => 3L * HiddenDim * Neurons * sizeof(ushort);

    public override string ToString() => Name;
}
