namespace SpmdDbrx.Model.Tokenization;

/// <summary>The patterns' white space: <c>\s*[\r\n]+|\s+(?!\S)|\s+</c>.</summary>
internal static class WhiteSpace
{
    /// <summary>
    /// End of the piece that starts with the white space from <paramref name="start"/> to <paramref name="end"/>: after its last line break
    /// if those count, else all of it at the end of the text, else all but its last character, which belongs to what follows.
    /// </summary>
    public static int PieceEnd(ReadOnlySpan<char> text, int start, int end, bool cutAfterLineBreak)
    {
        int lastLineBreak = cutAfterLineBreak ? text[start..end].LastIndexOfAny('\r', '\n') : -1;
        if (lastLineBreak >= 0)
            return start + lastLineBreak + 1;
        return end == text.Length || end - start == 1 ? end : end - 1;
    }
}
