namespace SpmdDbrx.Model.Tokenization;

/// <summary>A stretch of a text, in UTF-16 units, that byte pairs are merged within and never across.</summary>
internal readonly record struct Piece(int Start, int Length)
{
    public int End => Start + Length;
}
