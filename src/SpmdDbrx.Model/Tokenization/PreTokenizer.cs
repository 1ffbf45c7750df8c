namespace SpmdDbrx.Model.Tokenization;

/// <summary>Cuts a text without added tokens into pieces: the Split steps, then ByteLevel's optional leading space and GPT-2 pattern.</summary>
internal sealed class PreTokenizer
{
    private readonly IReadOnlyList<IPieceSplitter> splitters;
    private readonly bool addPrefixSpace;
    private readonly bool useByteLevelPattern;

    /// <param name="splitters">Applied one after another, each to the pieces of the one before.</param>
    /// <param name="addPrefixSpace">Whether every piece then gets a leading space unless it has one.</param>
    /// <param name="useByteLevelPattern">Whether the GPT-2 pattern then cuts every piece (ByteLevel's use_regex).</param>
    public PreTokenizer(IReadOnlyList<IPieceSplitter> splitters, bool addPrefixSpace, bool useByteLevelPattern)
    {
        this.splitters = splitters;
        this.addPrefixSpace = addPrefixSpace;
        this.useByteLevelPattern = useByteLevelPattern;
    }

    /// <summary>The pieces of <paramref name="text"/>, which gets the prefix spaces if there are any to add.</summary>
    public List<Piece> Split(ref string text)
    {
        List<Piece> pieces = [];
        if (text.Length > 0)
            pieces.Add(new Piece(0, text.Length));
        foreach (IPieceSplitter splitter in splitters)
            pieces = Refine(text, pieces, splitter);
        if (addPrefixSpace)
            AddPrefixSpaces(ref text, pieces);
        return useByteLevelPattern ? Refine(text, pieces, new Gpt2Splitter()) : pieces;
    }

    private static List<Piece> Refine(string text, List<Piece> pieces, IPieceSplitter splitter)
    {
        List<Piece> finer = new(pieces.Count);
        foreach (Piece piece in pieces)
            splitter.Split(text.AsSpan(piece.Start, piece.Length), piece.Start, finer);
        return finer;
    }

    private static void AddPrefixSpaces(ref string text, List<Piece> pieces)
    {
        var spaced = new System.Text.StringBuilder(text.Length + pieces.Count);
        for (int i = 0; i < pieces.Count; i++)
        {
            int start = spaced.Length;
            if (text[pieces[i].Start] != ' ')
                spaced.Append(' ');
            spaced.Append(text, pieces[i].Start, pieces[i].Length);
            pieces[i] = new Piece(start, spaced.Length - start);
        }
        text = spaced.ToString();
    }
}
