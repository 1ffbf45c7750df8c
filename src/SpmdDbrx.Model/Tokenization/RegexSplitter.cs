using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// Any other pattern, run by .NET's Regex. That engine sees UTF-16 units, so a character beyond U+FFFF is shown to it as one
/// of the basic plane with the same general category that the pattern does not name: to a pattern of categories they are alike.
/// A pattern that backtracks without end is stopped.
/// </summary>
internal sealed class RegexSplitter : IPieceSplitter
{
    private static readonly TimeSpan BaseTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TimePerMegabyte = TimeSpan.FromSeconds(5);
    private readonly Regex regex;
    private readonly bool keepMatches;
    private readonly bool keepGaps;
    private readonly char[] standIns;

    /// <param name="pattern">The pattern.</param>
    /// <param name="keepMatches">Whether matches become pieces.</param>
    /// <param name="keepGaps">Whether the text between matches becomes pieces.</param>
    /// <exception cref="ArgumentException">Not a regular expression to .NET.</exception>
    public RegexSplitter(OnigurumaPattern pattern, bool keepMatches, bool keepGaps)
    {
        regex = new Regex(pattern.Expression, RegexOptions.CultureInvariant, BaseTime);
        this.keepMatches = keepMatches;
        this.keepGaps = keepGaps;
        standIns = StandIns(pattern);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidModelException">The pattern takes too long on this text.</exception>
    public void Split(ReadOnlySpan<char> text, int offset, List<Piece> pieces)
    {
        if (text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            Split(text, unitIndex => offset + unitIndex, pieces);
            return;
        }
        char[] shown = new char[text.Length];
        int[] starts = new int[text.Length + 1];
        int count = 0;
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            starts[count] = at;
            shown[count++] = rune.IsBmp ? (char)rune.Value : standIns[(int)Rune.GetUnicodeCategory(rune)];
            at += rune.Utf16SequenceLength;
        }
        starts[count] = at;
        Split(shown.AsSpan(0, count), index => offset + starts[index], pieces);
    }

    private void Split(ReadOnlySpan<char> shown, Func<int, int> position, List<Piece> pieces)
    {
        TimeSpan limit = BaseTime + TimePerMegabyte * (shown.Length / 1e6);
        long started = Stopwatch.GetTimestamp();
        int from = 0;
        try
        {
            foreach (ValueMatch match in regex.EnumerateMatches(shown))
            {
                Add(keepGaps, from, match.Index);
                Add(keepMatches, match.Index, match.Index + match.Length);
                from = match.Index + match.Length;
                if (Stopwatch.GetElapsedTime(started) > limit)
                    throw new RegexMatchTimeoutException();
            }
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new InvalidModelException($"pre_tokenizer pattern '{regex}': takes more than {limit.TotalSeconds:F0} s for a text of {shown.Length} characters", error);
        }
        Add(keepGaps, from, shown.Length);

        void Add(bool keep, int start, int end)
        {
            if (keep && end > start)
                pieces.Add(new Piece(position(start), position(end) - position(start)));
        }
    }

    /// <summary>For each general category, a character of the basic plane that the pattern does not name.</summary>
    private static char[] StandIns(OnigurumaPattern pattern)
    {
        char[] standIns = new char[(int)UnicodeCategory.OtherNotAssigned + 1];
        for (int unit = 0x0100; unit <= char.MaxValue; unit++)
        {
            int category = (int)char.GetUnicodeCategory((char)unit);
            if (standIns[category] == '\0' && !pattern.Names((char)unit))
                standIns[category] = (char)unit;
        }
        return standIns;
    }
}
