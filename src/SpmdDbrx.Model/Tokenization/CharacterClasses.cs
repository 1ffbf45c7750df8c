using System.Globalization;
using System.Text;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Classes of code points: .NET's own \p{L} sees UTF-16 units, so letters and digits beyond U+FFFF need this.</summary>
internal static class CharacterClasses
{
    private static readonly CharacterClass[] BasicPlane = ClassifyBasicPlane();

    /// <summary>Class of the code point at <paramref name="index"/> and its length in UTF-16 units; a lone surrogate is like U+FFFD: other.</summary>
    public static CharacterClass At(ReadOnlySpan<char> text, int index, out int length)
    {
        char unit = text[index];
        length = 1;
        if (!char.IsHighSurrogate(unit) || index + 1 == text.Length || !char.IsLowSurrogate(text[index + 1]))
            return BasicPlane[unit];
        length = 2;
        return Classify(Rune.GetUnicodeCategory(new Rune(unit, text[index + 1])));
    }

    /// <summary>First index from <paramref name="index"/> on whose code point is not of <paramref name="wanted"/>.</summary>
    public static int SkipWhile(ReadOnlySpan<char> text, int index, CharacterClass wanted)
    {
        while (index < text.Length && At(text, index, out int length) == wanted)
            index += length;
        return index;
    }

    private static CharacterClass[] ClassifyBasicPlane()
    {
        var classes = new CharacterClass[char.MaxValue + 1];
        for (int unit = 0; unit < classes.Length; unit++)
        {
            classes[unit] = char.IsWhiteSpace((char)unit)
                ? CharacterClass.WhiteSpace
                : Classify(char.GetUnicodeCategory((char)unit));
        }
        return classes;
    }

    private static CharacterClass Classify(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => CharacterClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterClass.Number,
        _ => CharacterClass.Other,
    };
}
