using System.Text;

namespace SpmdDbrx.Engine.Generation;

/// <summary>Passes text on as soon as it cannot be part of a stop text any more, and ends at the first stop text.</summary>
public sealed class StopTextFilter(IReadOnlyList<string> stopTexts)
{
    private readonly StringBuilder passed = new();
    private string held = "";

    /// <summary>Whether a stop text has appeared.</summary>
    public bool Stopped { get; private set; }

    /// <summary>All text before the stop text, held text excluded.</summary>
    public string Passed => passed.ToString();

    /// <summary>Takes new text and returns what is final now.</summary>
    public string Append(string text)
    {
        if (Stopped)
            return "";
        held += text;
        int end = -1;
        foreach (string stop in stopTexts)
        {
            int found = held.IndexOf(stop, StringComparison.Ordinal);
            if (found >= 0 && (end < 0 || found < end))
                end = found;
        }
        Stopped = end >= 0;
        return Pass(Stopped ? end : held.Length - LongestPossibleStart());
    }

    /// <summary>Returns what was held back: the text has ended without a stop text.</summary>
    public string Flush() => Stopped ? "" : Pass(held.Length);

    private string Pass(int length)
    {
        string final = held[..length];
        held = held[length..];
        passed.Append(final);
        return final;
    }

    private int LongestPossibleStart()
    {
        int longest = 0;
        foreach (string stop in stopTexts)
        {
            for (int length = Math.Min(stop.Length - 1, held.Length); length > longest; length--)
            {
                if (held.AsSpan(held.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                    longest = length;
            }
        }
        return longest;
    }
}
