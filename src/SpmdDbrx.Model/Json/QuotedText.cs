using System.Text;

namespace SpmdDbrx.Model.Json;

/// <summary>Text from a file that nobody vouches for, made fit for one line of a terminal.</summary>
internal static class QuotedText
{
    private const int MaximumLength = 100;

    /// <summary>The text in single quotes, cut to 100 characters, control characters replaced.</summary>
    public static string Of(string text)
    {
        StringBuilder line = new("'");
        foreach (char character in text.AsSpan(0, Math.Min(text.Length, MaximumLength)))
            line.Append(char.IsControl(character) || char.IsSurrogate(character) ? '?' : character);
        return line.Append(text.Length > MaximumLength ? "…'" : "'").ToString();
    }
}
