using System.Globalization;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Performance;

/// <summary>Bits that stored weights take, scales included. Quantized or not, embedding, LM head, router and norms stay as they were.</summary>
/// <param name="Name">For tables and the command line.</param>
/// <param name="ExpertBits">Bits of an expert weight.</param>
/// <param name="AttentionBits">Bits of an attention weight.</param>
public sealed record WeightFormat(string Name, double ExpertBits, double AttentionBits)
{
    /// <summary>Bits of all other weights.</summary>
    public double OtherBits { get; init; } = 16;

    /// <summary>bfloat16 throughout.</summary>
    public static WeightFormat BFloat16 { get; } = new("bf16", 16, 16);

    /// <summary>8 bits and a 16-bit scale for every 32 weights.</summary>
    public static WeightFormat Q8 { get; } = new("q8", 8.5, 8.5);

    /// <summary>4 bits and a 16-bit scale for every 32 weights.</summary>
    public static WeightFormat Q4 { get; } = new("q4", 4.5, 4.5);

    /// <summary>The format of a model whose weights are all stored as one type.</summary>
    public static WeightFormat Of(ElementType type) => type switch
    {
        ElementType.BFloat16 => BFloat16,
        ElementType.Float16 => new("f16", 16, 16),
        _ => new("f32", 32, 32) { OtherBits = 32 },
    };

    /// <summary>bf16, q8, q4, or bits of experts and attention as in "4.5/16".</summary>
    /// <exception cref="InvalidInputException">None of these.</exception>
    public static WeightFormat Parse(string text)
    {
        WeightFormat? known = Array.Find([BFloat16, Q8, Q4], format => format.Name == text);
        if (known is not null)
            return known;
        string[] parts = text.Split('/');
        return parts.Length == 2 && TryBits(parts[0], out double experts) && TryBits(parts[1], out double attention)
            ? new WeightFormat(text, experts, attention)
            : throw new InvalidInputException($"weights: expected bf16, q8, q4 or bits of experts/attention as in 4.5/16, found {text}");
    }

    private static bool TryBits(string text, out double bits) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out bits) && bits is >= 1 and <= 32;
}
