using System.Buffers;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Finds added tokens in a text: the leftmost, and the longest of those that start there.</summary>
internal sealed class AddedTokenFinder
{
    private readonly SearchValues<string> contents;
    private readonly int[] lengths;
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> tokens;

    public AddedTokenFinder(IReadOnlyCollection<AddedToken> addedTokens)
    {
        contents = SearchValues.Create(addedTokens.Select(token => token.Content).ToArray(), StringComparison.Ordinal);
        lengths = addedTokens.Select(token => token.Content.Length).Distinct().OrderDescending().ToArray();
        tokens = addedTokens.ToDictionary(token => token.Content).GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The next added token at or after <paramref name="from"/> and the text it takes; null if there is none.</summary>
    public AddedToken? Find(ReadOnlySpan<char> text, int from, out Piece taken)
    {
        for (int searchFrom = from; searchFrom < text.Length;)
        {
            int found = text[searchFrom..].IndexOfAny(contents);
            if (found < 0)
                break;
            int start = searchFrom + found;
            AddedToken token = LongestAt(text[start..]);
            int end = start + token.Content.Length;
            if (!token.IsWholeWord || StandsAlone(text, start, end))
            {
                if (token.TakesSpaceBefore)
                    start = from + text[from..start].TrimEnd().Length;
                if (token.TakesSpaceAfter)
                    end = text.Length - text[end..].TrimStart().Length;
                taken = new Piece(start, end - start);
                return token;
            }
            searchFrom = end;
        }
        taken = default;
        return null;
    }

    private AddedToken LongestAt(ReadOnlySpan<char> text)
    {
        foreach (int length in lengths)
        {
            if (length <= text.Length && tokens.TryGetValue(text[..length], out AddedToken? token))
                return token;
        }
        throw new InvalidOperationException("an added token that was found in the text is not in the table");
    }

    private static bool StandsAlone(ReadOnlySpan<char> text, int start, int end) =>
        (start == 0 || !IsWordCharacter(text[start - 1])) && (end == text.Length || !IsWordCharacter(text[end]));

    private static bool IsWordCharacter(char unit) => char.IsLetterOrDigit(unit) || char.IsSurrogate(unit) || unit == '_';
}
