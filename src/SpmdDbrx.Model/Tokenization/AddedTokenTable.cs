namespace SpmdDbrx.Model.Tokenization;

/// <summary>The added tokens of the tokenizer file and of tokenizer_config.json together.</summary>
internal static class AddedTokenTable
{
    /// <exception cref="InvalidModelException">Two tokens claim one id, or one token two ids.</exception>
    public static IReadOnlyList<AddedToken> Merge(TokenizerParts parts, TokenizerConfig config)
    {
        Dictionary<int, string> contentById = parts.Vocabulary.ToDictionary(token => token.Value, token => token.Key);
        var byContent = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (AddedToken token in parts.AddedTokens.Concat(config.AddedTokens))
        {
            if (contentById.TryGetValue(token.Id, out string? holder) && holder != token.Content)
                throw Conflict(parts, token, $"id {token.Id} is also \"{holder}\"");
            int knownId = byContent.TryGetValue(token.Content, out AddedToken? known) ? known.Id : parts.Vocabulary.GetValueOrDefault(token.Content, token.Id);
            if (knownId != token.Id)
                throw Conflict(parts, token, $"it also has id {knownId}");
            contentById[token.Id] = token.Content;
            byContent[token.Content] = token;
        }
        return [.. byContent.Values];
    }

    private static InvalidModelException Conflict(TokenizerParts parts, AddedToken token, string found) =>
        new($"{parts.File}, tokenizer_config.json: added token \"{token.Content}\", id {token.Id}: expected one id a token, found that {found}");
}
