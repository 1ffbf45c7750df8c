using System.Buffers;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>
/// Cuts a template into tokens, with the white-space rules that Hugging Face renders with: trim_blocks, lstrip_blocks and
/// the signs of <c>{%-</c>, <c>-%}</c>, <c>{%+</c> (Jinja documentation, "Whitespace Control").
/// </summary>
internal sealed class JinjaLexer
{
    private static readonly string[] Operators =
        ["==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|"];

    private static readonly SearchValues<string> TagStarts = SearchValues.Create(["{{", "{%", "{#"], StringComparison.Ordinal);
    private readonly string source;
    private readonly List<JinjaToken> tokens = [];
    private int position;

    private JinjaLexer(string source) => this.source = source;

    /// <summary>All tokens of <paramref name="source"/>, which has passed <see cref="Normalize"/>.</summary>
    /// <exception cref="JinjaException">A tag or string has no end, or a character has no meaning.</exception>
    public static List<JinjaToken> Tokenize(string source)
    {
        var lexer = new JinjaLexer(source);
        while (lexer.position < source.Length)
            lexer.ReadTextAndTag();
        lexer.tokens.Add(new JinjaToken(JinjaTokenKind.EndOfTemplate, "", source.Length));
        return lexer.tokens;
    }

    /// <summary>The template as Jinja reads it: line feeds only, one at the very end dropped.</summary>
    public static string Normalize(string source)
    {
        string lines = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        return lines.EndsWith('\n') ? lines[..^1] : lines;
    }

    private void ReadTextAndTag()
    {
        int found = source.AsSpan(position).IndexOfAny(TagStarts);
        int tag = found < 0 ? source.Length : position + found;
        string text = source[position..tag];
        if (tag < source.Length)
            text = StripBeforeTag(text, tag);
        if (text.Length > 0)
            tokens.Add(new JinjaToken(JinjaTokenKind.Text, text, position));
        position = tag;
        if (tag < source.Length)
            ReadTag(tag);
    }

    private string StripBeforeTag(string text, int tag)
    {
        char sign = CharacterAt(tag + 2);
        if (sign == '-')
            return PythonWhiteSpace.StripEnd(text);
        bool isOutput = source[tag + 1] == '{';
        if (isOutput || sign == '+')
            return text;
        int lineStart = text.LastIndexOf('\n') + 1;
        bool startsLine = lineStart > 0 || position == 0 || source[position - 1] == '\n';
        return startsLine && PythonWhiteSpace.StripEnd(text[lineStart..]).Length == 0 ? text[..lineStart] : text;
    }

    private void ReadTag(int tag)
    {
        char kind = source[tag + 1];
        position = tag + 2;
        if (CharacterAt(position) is '-' or '+')
            position++;
        if (kind == '#')
        {
            SkipComment(tag);
            return;
        }
        string end = kind == '%' ? "%}" : "}}";
        tokens.Add(new JinjaToken(JinjaTokenKind.TagBegin, source.Substring(tag, 2), tag));
        for (int openBrackets = 0; openBrackets > 0 || !TryReadTagEnd(end);)
        {
            if (position >= source.Length)
                throw new JinjaException($"'{source.Substring(tag, 2)}' has no '{end}'", tag);
            openBrackets += ReadInnerToken();
        }
    }

    private void SkipComment(int tag)
    {
        int end = source.IndexOf("#}", position, StringComparison.Ordinal);
        if (end < 0)
            throw new JinjaException("'{#' has no '#}'", tag);
        char sign = end > position ? source[end - 1] : ' ';
        position = end + 2;
        SkipAfterTag(sign, isOutput: false);
    }

    private bool TryReadTagEnd(string end)
    {
        while (char.IsWhiteSpace(CharacterAt(position)))
            position++;
        char sign = CharacterAt(position) is '-' or '+' ? source[position] : ' ';
        int start = sign == ' ' ? position : position + 1;
        if (string.CompareOrdinal(source, start, end, 0, end.Length) != 0)
            return false;
        tokens.Add(new JinjaToken(JinjaTokenKind.TagEnd, end, position));
        position = start + end.Length;
        SkipAfterTag(sign, isOutput: end == "}}");
        return true;
    }

    private void SkipAfterTag(char sign, bool isOutput)
    {
        if (sign == '-')
        {
            while (PythonWhiteSpace.Is(CharacterAt(position)))
                position++;
        }
        else if (sign != '+' && !isOutput && CharacterAt(position) == '\n')
        {
            position++;
        }
    }

    /// <summary>Reads a token inside a tag; returns how many more brackets are open after it.</summary>
    private int ReadInnerToken()
    {
        while (char.IsWhiteSpace(CharacterAt(position)))
            position++;
        int start = position;
        char first = CharacterAt(position);
        if (first is '\'' or '"')
            Add(JinjaTokenKind.String, start, JinjaStringLiteral.Read(source, ref position));
        else if (char.IsAsciiDigit(first))
            Add(JinjaTokenKind.Integer, start, Take(char.IsAsciiLetterOrDigit));
        else if (char.IsLetter(first) || first == '_')
            Add(JinjaTokenKind.Name, start, Take(unit => char.IsLetterOrDigit(unit) || unit == '_'));
        else if (Array.Find(Operators, text => string.CompareOrdinal(source, start, text, 0, text.Length) == 0) is { } text)
            return AddOperator(start, text);
        else if (position < source.Length)
            throw new JinjaException($"unexpected character '{first}'", start);
        return 0;
    }

    private int AddOperator(int start, string text)
    {
        position += text.Length;
        Add(JinjaTokenKind.Operator, start, text);
        return text is "(" or "[" or "{" ? 1 : text is ")" or "]" or "}" ? -1 : 0;
    }

    private void Add(JinjaTokenKind kind, int start, string text) => tokens.Add(new JinjaToken(kind, text, start));

    private string Take(Predicate<char> belongs)
    {
        int start = position;
        while (position < source.Length && belongs(source[position]))
            position++;
        return source[start..position];
    }

    /// <summary>NUL past the end, which no rule accepts.</summary>
    private char CharacterAt(int index) => index < source.Length ? source[index] : '\0';
}
