namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Python's idea of white space: Unicode's and the four separators U+001C to U+001F.</summary>
internal static class PythonWhiteSpace
{
    public static bool Is(char unit) => char.IsWhiteSpace(unit) || unit is >= '\u001C' and <= '\u001F';

    /// <summary>str.lstrip().</summary>
    public static string StripStart(string text)
    {
        int start = 0;
        while (start < text.Length && Is(text[start]))
            start++;
        return text[start..];
    }

    /// <summary>str.rstrip().</summary>
    public static string StripEnd(string text)
    {
        int end = text.Length;
        while (end > 0 && Is(text[end - 1]))
            end--;
        return text[..end];
    }

    /// <summary>str.strip().</summary>
    public static string Strip(string text) => StripStart(StripEnd(text));
}
