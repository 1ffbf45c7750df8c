namespace SpmdDbrx.Model.Tokenization;

/// <summary>What a tokenizer file says, whichever format it has.</summary>
internal sealed record TokenizerParts
{
    /// <summary>File that the vocabulary came from, for messages.</summary>
    public required string File { get; init; }

    /// <summary>Ids of the tokens, spelled in the letters of <see cref="ByteLevelAlphabet"/> where they are bytes.</summary>
    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>Tokens and merges.</summary>
    public required BytePairModel Model { get; init; }

    /// <summary>How a text is cut before merging.</summary>
    public required PreTokenizer PreTokenizer { get; init; }

    /// <summary>Whether text is brought to Unicode normalization form C first.</summary>
    public bool NormalizesToFormC { get; init; }

    /// <summary>Tokens found in the text itself.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }
}
