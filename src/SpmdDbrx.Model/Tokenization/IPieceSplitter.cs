namespace SpmdDbrx.Model.Tokenization;

/// <summary>A pre-tokenizer pattern: cuts a text into pieces in one pass.</summary>
internal interface IPieceSplitter
{
    /// <summary>Appends the pieces of <paramref name="text"/> in order, each moved by <paramref name="offset"/>.</summary>
    void Split(ReadOnlySpan<char> text, int offset, List<Piece> pieces);
}
