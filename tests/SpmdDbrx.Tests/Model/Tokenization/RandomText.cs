using System.Text;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>Text that a tokenizer meets and text that it does not expect, repeatable by its seed.</summary>
internal sealed class RandomText(int seed)
{
    private static readonly string[] Atoms =
    [
        "for (int i = 0; i < n; ++i) { sum += x[i]; }\n", "def f(x):\n    return x**2\n", "<|im_start|", "SELECT * FROM t;", "it's", "'LL", "DON'T", "'\u017F",
        "The quick brown fox", " the", " and", "naïve", "Größe", "東京都", "こんにちは", "안녕하세요", "Привет", "Γειά", "שלום", "مرحبا", "नमस्ते", "ไทย",
        "😀", "👩\u200D👩\u200D👧", "🇨🇭", "❤\uFE0F", "𝒜𝓁", "𠮷", "𐐀", "𝟙𝟚", "e\u0301", "a\u0300\u0301", "\u200F", "\u202E", "\u200B", "\uFEFF",
        "1", "42", "1234567", "٣", "½", "Ⅷ", " ", "  ", "     ", "\t", "\n", "\r\n", "\n\n\n", "\u00A0", "\u3000", "\u2028", "\u0085", "\0", "\u0001", "\u007F",
        "!", "?!", "...", "---", "://", "\"", "”", "$", "€", "\uFFFD", "\uE000", "\uFFFF",
    ];

    private readonly Random random = new(seed);

    /// <summary>Up to <paramref name="parts"/> pieces of text, one in ten of them any code points.</summary>
    public string Next(int parts)
    {
        var text = new StringBuilder();
        for (int i = random.Next(parts + 1); i > 0; i--)
        {
            if (random.Next(10) > 0)
                text.Append(Atoms[random.Next(Atoms.Length)]);
            else
                text.Append(AnyCodePoint());
        }
        return text.ToString();
    }

    private Rune AnyCodePoint()
    {
        int value = random.Next(2) == 0 ? random.Next(0x3000) : random.Next(0x110000);
        return Rune.IsValid(value) ? new Rune(value) : Rune.ReplacementChar;
    }
}
