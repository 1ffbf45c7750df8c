using System.Globalization;

namespace SpmdDbrx.Engine.Performance;

/// <summary>Bits that stored weights take, scales included. Embedding, LM head, router and norms stay 16-bit (MECHANISMS §4).</summary>
/// <param name="Name">For tables and the command line.</param>
/// <param name="ExpertBits">Bits of an expert weight.</param>
/// <param name="AttentionBits">Bits of an attention weight.</param>
public sealed record WeightFormat(string Name, double ExpertBits, double AttentionBits)
{
    /// <summary>Bits of all other weights.</summary>
    public const double OtherBits = 16;

    /// <summary>bfloat16 throughout.</summary>
    public static WeightFormat BFloat16 { get; } = new("bf16", 16, 16);

    /// <summary>8 bits and a 16-bit scale for every 32 weights.</summary>
    public static WeightFormat Q8 { get; } = new("q8", 8.5, 8.5);

    /// <summary>4 bits and a 16-bit scale for every 32 weights.</summary>
    public static WeightFormat Q4 { get; } = new("q4", 4.5, 4.5);

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
