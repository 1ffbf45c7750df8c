namespace SpmdDbrx.Model.Tokenization;

/// <summary>The patterns' white space: <c>\s*[\r\n]+|\s+(?!\S)|\s+</c>.</summary>
internal static class WhiteSpace
{
    /// <summary>
    /// End of the piece that starts with the white space at <paramref name="start"/>: after the run's last line break if those count,
    /// else the whole run at the end of the text, else all but the run's last character, which belongs to what follows.
    /// </summary>
    public static int PieceEnd(ReadOnlySpan<char> text, int start, bool cutAfterLineBreak)
    {
        int end = CharacterClasses.SkipWhile(text, start, CharacterClass.WhiteSpace);
        int lastLineBreak = cutAfterLineBreak ? text[start..end].LastIndexOfAny('\r', '\n') : -1;
        if (lastLineBreak >= 0)
            return start + lastLineBreak + 1;
        return end == text.Length || end - start == 1 ? end : end - 1;
    }
}
