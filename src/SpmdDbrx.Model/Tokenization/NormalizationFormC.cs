using System.Text;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// Unicode normalization form C (Unicode Standard Annex 15; Hangul: The Unicode Standard, section 3.12). .NET's own string.Normalize
/// needs ICU, which this program runs without, and silently does nothing then.
/// </summary>
internal static class NormalizationFormC
{
    private const char FirstAffected = '\u0300';
    private const int FirstSyllable = 0xAC00;
    private const int FirstLead = 0x1100;
    private const int FirstVowel = 0x1161;
    private const int FirstTail = 0x11A7;
    private const int Leads = 19;
    private const int Vowels = 21;
    private const int Tails = 28;
    private const int Syllables = Leads * Vowels * Tails;
    private static readonly CanonicalMappings Mappings = CanonicalMappings.Instance;

    /// <summary>The text in form C; half surrogate pairs become U+FFFD.</summary>
    public static string Normalize(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstAffected, char.MaxValue))
            return text;
        List<int> codePoints = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            Decompose(rune.Value, codePoints);
        Order(codePoints);
        Compose(codePoints);
        var normalized = new StringBuilder(text.Length);
        foreach (int codePoint in codePoints)
            normalized.Append(new Rune(codePoint));
        return normalized.ToString();
    }

    private static void Decompose(int codePoint, List<int> output)
    {
        int syllable = codePoint - FirstSyllable;
        if (syllable is >= 0 and < Syllables)
        {
            output.Add(FirstLead + syllable / (Vowels * Tails));
            output.Add(FirstVowel + syllable / Tails % Vowels);
            if (syllable % Tails > 0)
                output.Add(FirstTail + syllable % Tails);
            return;
        }
        ReadOnlySpan<int> parts = Mappings.Decomposition(codePoint);
        if (parts.IsEmpty)
            output.Add(codePoint);
        foreach (int part in parts)
            Decompose(part, output);
    }

    /// <summary>Marks between starters go by class; equal classes keep their order.</summary>
    private static void Order(List<int> codePoints)
    {
        for (int start = 0; start < codePoints.Count; start++)
        {
            int end = start;
            while (end < codePoints.Count && Mappings.CombiningClass(codePoints[end]) > 0)
                end++;
            if (end - start > 1)
            {
                // OrderBy is stable, and n log n also for a text of marks only.
                int[] ordered = codePoints.GetRange(start, end - start).OrderBy(Mappings.CombiningClass).ToArray();
                for (int i = 0; i < ordered.Length; i++)
                    codePoints[start + i] = ordered[i];
            }
            start = end;
        }
    }

    /// <summary>Each starter takes the marks that compose with it, unless one of the same or a higher class stands between.</summary>
    private static void Compose(List<int> codePoints)
    {
        int kept = 0;
        int starter = -1;
        int lastClass = -1;
        for (int i = 0; i < codePoints.Count; i++)
        {
            int codePoint = codePoints[i];
            int combiningClass = Mappings.CombiningClass(codePoint);
            bool isReachable = starter >= 0 && (lastClass < combiningClass || lastClass == -1);
            if (isReachable && TryCompose(codePoints[starter], codePoint, out int composed))
            {
                codePoints[starter] = composed;
                continue;
            }
            if (combiningClass == 0)
                (starter, lastClass) = (kept, -1);
            else
                lastClass = combiningClass;
            codePoints[kept++] = codePoint;
        }
        codePoints.RemoveRange(kept, codePoints.Count - kept);
    }

    private static bool TryCompose(int first, int second, out int composed)
    {
        (int lead, int vowel) = (first - FirstLead, second - FirstVowel);
        composed = FirstSyllable + (lead * Vowels + vowel) * Tails;
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels)
            return true;
        (int syllable, int tail) = (first - FirstSyllable, second - FirstTail);
        composed = first + tail;
        if (syllable is >= 0 and < Syllables && syllable % Tails == 0 && tail is > 0 and < Tails)
            return true;
        return Mappings.TryCompose(first, second, out composed);
    }
}
