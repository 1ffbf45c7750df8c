namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// The GPT-2 pattern as a linear scan on code points, which is also what ByteLevel's use_regex means:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// </summary>
internal sealed class Gpt2Splitter : IPieceSplitter
{
    /// <inheritdoc/>
    public void Split(ReadOnlySpan<char> text, int offset, List<Piece> pieces)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = PieceEnd(text, start);
            pieces.Add(new Piece(offset + start, end - start));
            start = end;
        }
    }

    private static int PieceEnd(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction.Length(text[start..], ignoreCase: false) is > 0 and int contraction)
            return start + contraction;

        bool spaceFirst = text[start] == ' ' && start + 1 < text.Length;
        int body = spaceFirst ? start + 1 : start;
        CharacterClass bodyClass = CharacterClasses.At(text, body, out int length);
        int end = CharacterClasses.SkipWhile(text, body + length, bodyClass);
        return bodyClass == CharacterClass.WhiteSpace ? WhiteSpace.PieceEnd(text, start, end, cutAfterLineBreak: false) : end;
    }
}
