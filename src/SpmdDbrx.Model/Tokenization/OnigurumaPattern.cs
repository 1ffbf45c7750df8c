using System.Text;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// A regular expression in Oniguruma's dialect (Hugging Face tokenizers' engine) as one that .NET runs with the same result.
/// Constructs that the two engines read differently are refused.
/// </summary>
internal sealed class OnigurumaPattern
{
    private const int LongestPattern = 1 << 14;
    private const string SameEscapes = "rntsSdD";

    private static readonly string[] GroupStarts = ["?:", "?=", "?!", "?<=", "?<!", "?>", "?i:"];

    private static readonly HashSet<string> Categories =
    [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cn",
    ];

    private readonly string source;
    private readonly StringBuilder translated = new();
    private readonly List<(char First, char Last)> namedRanges = [];
    private readonly Stack<bool> ignoresCase = new([false]);
    private int position;

    private OnigurumaPattern(string source) => this.source = source;

    /// <summary>The expression for .NET's Regex.</summary>
    public string Expression => translated.ToString();

    /// <summary>Whether the pattern names this character itself or in a range, rather than by a property of it.</summary>
    public bool Names(char character) => namedRanges.Exists(range => range.First <= character && character <= range.Last);

    /// <exception cref="ArgumentException">A construct that is wrong, or that .NET reads in another way.</exception>
    public static OnigurumaPattern Translate(string source)
    {
        if (source.Length > LongestPattern)
            throw new ArgumentException($"it is longer than {LongestPattern} characters");
        var pattern = new OnigurumaPattern(source);
        while (pattern.position < source.Length)
            pattern.ReadElement();
        return pattern;
    }

    private void ReadElement()
    {
        char character = source[position];
        switch (character)
        {
            case '[':
                ReadClass();
                break;
            case '(':
                ReadGroupStart();
                break;
            case ')':
                if (ignoresCase.Count > 1)
                    ignoresCase.Pop();
                Copy(1);
                break;
            case '^' or '$':
                throw Unsupported($"'{character}' outside a class");
            case '|' or '?' or '*' or '+' or '{' or '}' or '.':
                Copy(1);
                break;
            default:
                ReadCharacter(insideClass: false);
                break;
        }
    }

    private void ReadGroupStart()
    {
        string rest = source[(position + 1)..];
        string start = Array.Find(GroupStarts, known => rest.StartsWith(known, StringComparison.Ordinal)) ?? "";
        if (start.Length == 0 && rest.StartsWith('?'))
            throw Unsupported($"the group '({rest[..Math.Min(rest.Length, 3)]}'");
        ignoresCase.Push(ignoresCase.Peek() || start == "?i:");
        Copy(1 + start.Length);
    }

    private void ReadClass()
    {
        int start = position;
        Copy(position + 1 < source.Length && source[position + 1] == '^' ? 2 : 1);
        while (position < source.Length && source[position] != ']')
        {
            if (source[position] == '[' || (source[position] == '&' && position + 1 < source.Length && source[position + 1] == '&'))
                throw Unsupported("a class inside a class");
            char first = ReadCharacter(insideClass: true);
            bool isRange = first != '\0' && position + 2 < source.Length && source[position] == '-' && source[position + 1] is not (']' or '[');
            if (!isRange)
                continue;
            Copy(1);
            namedRanges.Add((first, ReadCharacter(insideClass: true)));
        }
        if (position == source.Length || position == start + 1)
            throw Unsupported("a class without an end or without members");
        Copy(1);
    }

    /// <summary>Reads one character or escape; returns the character, NUL for a class of characters.</summary>
    private char ReadCharacter(bool insideClass)
    {
        char character = source[position];
        if (character == '\\')
            return ReadEscape();
        if (char.IsSurrogate(character))
            throw Unsupported("a character beyond U+FFFF");
        namedRanges.Add((character, character));
        position++;
        // U+017F LONG S equals s to Unicode's case folding and to Oniguruma, but not to .NET.
        if (ignoresCase.Peek() && character is 's' or 'S')
            translated.Append(insideClass ? "sS\u017F" : "[sS\u017F]");
        else
            translated.Append(character);
        return character;
    }

    private char ReadEscape()
    {
        char kind = position + 1 < source.Length ? source[position + 1] : '\0';
        if (kind is 'p' or 'P')
        {
            int end = source.IndexOf('}', position);
            bool isCategory = position + 2 < source.Length && source[position + 2] == '{' && end > 0 && Categories.Contains(source[(position + 3)..end]);
            if (!isCategory)
                throw Unsupported($"'\\{kind}' with anything but a general category");
            Copy(end + 1 - position);
            return '\0';
        }
        if (!SameEscapes.Contains(kind, StringComparison.Ordinal) && !(char.IsAscii(kind) && (char.IsPunctuation(kind) || char.IsSymbol(kind) || kind == ' ')))
            throw Unsupported($"the escape '\\{kind}'");
        Copy(2);
        return kind switch { 'r' => '\r', 'n' => '\n', 't' => '\t', 's' or 'S' or 'd' or 'D' => '\0', _ => kind };
    }

    private void Copy(int length)
    {
        translated.Append(source, position, length);
        position += length;
    }

    private static ArgumentException Unsupported(string construct) => new($"{construct} is not supported");
}
