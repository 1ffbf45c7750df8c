namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// The GPT-4 pattern (cl100k_base; DBRX, Llama 3; Qwen with digits one by one) as a linear scan on code points:
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.
/// </summary>
/// <param name="longestNumber">Digits of a piece: 3, or 1 for Qwen's variant.</param>
/// <param name="spaceAtEndIsWhole">Whether white space at the end of the text is one piece even with line breaks in it (tiktoken's <c>\s++$</c>).</param>
internal sealed class Cl100kSplitter(int longestNumber, bool spaceAtEndIsWhole) : IPieceSplitter
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

    private int PieceEnd(ReadOnlySpan<char> text, int start)
    {
        char first = text[start];
        if (first == '\'' && Contraction.Length(text[start..], ignoreCase: true) is > 0 and int contraction)
            return start + contraction;

        CharacterClass firstClass = CharacterClasses.At(text, start, out int length);
        int next = start + length;
        switch (firstClass)
        {
            case CharacterClass.Letter:
                return CharacterClasses.SkipWhile(text, next, CharacterClass.Letter);
            case CharacterClass.Number:
                return NumberEnd(text, next);
        }
        CharacterClass nextClass = next < text.Length ? CharacterClasses.At(text, next, out _) : CharacterClass.WhiteSpace;
        if (nextClass == CharacterClass.Letter && first is not ('\r' or '\n'))
            return CharacterClasses.SkipWhile(text, next, CharacterClass.Letter);
        if (firstClass == CharacterClass.Other || (first == ' ' && nextClass == CharacterClass.Other))
            return SkipLineBreaks(text, CharacterClasses.SkipWhile(text, next, CharacterClass.Other));
        int runEnd = CharacterClasses.SkipWhile(text, start, CharacterClass.WhiteSpace);
        bool isWhole = spaceAtEndIsWhole && runEnd == text.Length;
        return isWhole ? runEnd : WhiteSpace.PieceEnd(text, start, runEnd, cutAfterLineBreak: true);
    }

    private int NumberEnd(ReadOnlySpan<char> text, int index)
    {
        for (int digits = 1; digits < longestNumber && index < text.Length; digits++)
        {
            if (CharacterClasses.At(text, index, out int length) != CharacterClass.Number)
                break;
            index += length;
        }
        return index;
    }

    private static int SkipLineBreaks(ReadOnlySpan<char> text, int index)
    {
        while (index < text.Length && text[index] is '\r' or '\n')
            index++;
        return index;
    }
}
