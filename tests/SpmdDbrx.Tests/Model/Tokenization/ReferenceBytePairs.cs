using System.Text;
using System.Text.RegularExpressions;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>The plainest BPE over a rank file: look at all pairs, merge the best, again. Quadratic, and shares nothing with the tokenizer.</summary>
internal sealed class ReferenceBytePairs
{
    private readonly Dictionary<string, int> ranks = [];
    private readonly Regex pattern;

    /// <param name="rankFile">Lines "base64 rank".</param>
    /// <param name="pattern">Pre-tokenizer pattern; .NET runs it right on text without surrogates.</param>
    public ReferenceBytePairs(string rankFile, string pattern)
    {
        foreach (string line in File.ReadLines(rankFile))
        {
            string[] parts = line.Split(' ');
            ranks.Add(Encoding.Latin1.GetString(Convert.FromBase64String(parts[0])), int.Parse(parts[1]));
        }
        this.pattern = new Regex(pattern, RegexOptions.CultureInvariant);
    }

    public List<int> Encode(string text) => pattern.Matches(text).SelectMany(piece => EncodePiece(piece.Value)).ToList();

    private IEnumerable<int> EncodePiece(string piece)
    {
        // One Latin-1 character a byte, so that plain strings hold bytes.
        string bytes = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(piece));
        if (ranks.TryGetValue(bytes, out int whole))
            return [whole];
        List<string> parts = bytes.Select(unit => unit.ToString()).ToList();
        while (BestPair(parts) is { } best)
        {
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
        return parts.Select(part => ranks[part]);
    }

    private int? BestPair(List<string> parts)
    {
        (int Index, int Rank)? best = null;
        for (int i = 0; i + 1 < parts.Count; i++)
        {
            if (ranks.TryGetValue(parts[i] + parts[i + 1], out int rank) && (best is null || rank < best.Value.Rank))
                best = (i, rank);
        }
        return best?.Index;
    }
}
