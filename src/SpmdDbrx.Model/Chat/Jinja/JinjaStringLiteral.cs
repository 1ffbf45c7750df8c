using System.Globalization;
using System.Text;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>String literals with Python's escapes.</summary>
internal static class JinjaStringLiteral
{
    /// <summary>Reads the literal at <paramref name="position"/>, which moves behind it.</summary>
    /// <exception cref="JinjaException">No closing quote, or an escape that is not supported.</exception>
    public static string Read(string source, ref int position)
    {
        int start = position;
        char quote = source[position++];
        var value = new StringBuilder();
        while (position < source.Length && source[position] != quote)
        {
            if (source[position] == '\\')
                ReadEscape(source, ref position, value);
            else
                value.Append(source[position++]);
        }
        if (position == source.Length)
            throw new JinjaException("a string has no closing quote", start);
        position++;
        return value.ToString();
    }

    private static void ReadEscape(string source, ref int position, StringBuilder value)
    {
        int start = position++;
        char kind = position < source.Length ? source[position++] : '\0';
        switch (kind)
        {
            case 'n': value.Append('\n'); break;
            case 't': value.Append('\t'); break;
            case 'r': value.Append('\r'); break;
            case '\\' or '\'' or '"': value.Append(kind); break;
            case 'x': value.Append((char)ReadHexadecimal(source, ref position, 2)); break;
            case 'u': value.Append((char)ReadHexadecimal(source, ref position, 4)); break;
            case '\n': break;
            case 'a' or 'b' or 'f' or 'v' or 'N' or 'U' or (>= '0' and <= '7'):
                throw new JinjaException($"the string escape '\\{kind}' is not supported", start);
            default: value.Append('\\').Append(kind); break;
        }
    }

    private static int ReadHexadecimal(string source, ref int position, int digits)
    {
        ReadOnlySpan<char> text = source.AsSpan(position, Math.Min(digits, source.Length - position));
        if (text.Length < digits || !int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value))
            throw new JinjaException($"expected {digits} hexadecimal digits", position);
        position += digits;
        return value;
    }
}
