namespace SpmdDbrx.Model.Tokenization;

/// <summary>The patterns' <c>'s|'t|'re|'ve|'m|'ll|'d</c>.</summary>
internal static class Contraction
{
    /// <summary>Length of the contraction that starts at the apostrophe <c>text[0]</c>, 0 if there is none.</summary>
    public static int Length(ReadOnlySpan<char> text, bool ignoreCase)
    {
        char first = Letter(text, 1, ignoreCase);
        if (first is 's' or 't' or 'm' or 'd')
            return 2;
        char second = Letter(text, 2, ignoreCase);
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    private static char Letter(ReadOnlySpan<char> text, int index, bool ignoreCase)
    {
        if (index >= text.Length)
            return '\0';
        char letter = text[index];
        if (!ignoreCase)
            return letter;
        // U+017F LONG S is an s to Unicode's simple case folding, which the reference engines use and .NET's Regex does not.
        return letter == '\u017F' ? 's' : char.IsAsciiLetterUpper(letter) ? (char)(letter | 0x20) : letter;
    }
}
