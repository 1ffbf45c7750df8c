using System.Text;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Python's str methods, which several filters are too.</summary>
internal static class JinjaText
{
    /// <summary>strip, lstrip or rstrip: of white space, or of the given characters.</summary>
    public static string Strip(JinjaRun run, string text, string method, string? characters)
    {
        if (characters is null)
        {
            return method switch
            {
                "strip" => PythonWhiteSpace.Strip(text),
                "lstrip" => PythonWhiteSpace.StripStart(text),
                _ => PythonWhiteSpace.StripEnd(text),
            };
        }
        run.SpendSearch(text, characters);
        // Trim with an empty set would take white space.
        if (characters.Length == 0)
            return text;
        char[] set = characters.ToCharArray();
        return method switch { "strip" => text.Trim(set), "lstrip" => text.TrimStart(set), _ => text.TrimEnd(set) };
    }

    /// <summary>split(), split(separator) or split(separator, how many times).</summary>
    public static List<object?> Split(JinjaRun run, string text, JinjaArguments arguments)
    {
        string[] parts;
        if (arguments.Count == 0 || arguments[0] is null)
        {
            if (arguments.Count == 2)
                throw new JinjaException("split: a limit without a separator is not supported");
            parts = new string([.. text.Select(unit => PythonWhiteSpace.Is(unit) ? ' ' : unit)]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        else
        {
            string separator = arguments.Text(0);
            if (separator.Length == 0)
                throw new JinjaException("split: the separator must not be empty");
            run.SpendSearch(text, separator);
            long limit = arguments.Count == 2 ? arguments.Integer(1) : -1;
            parts = limit is < 0 or >= int.MaxValue
                ? text.Split(separator)
                : text.Split(separator, (int)limit + 1);
        }
        run.Spend(parts.Length);
        return parts.ToList<object?>();
    }

    /// <summary>replace(old, new)</summary>
    public static string Replace(JinjaRun run, string text, string old, string replacement)
    {
        if (old.Length == 0)
            throw new JinjaException("replace: an empty text to replace is not supported");
        run.SpendSearch(text, old);
        // Paid before it is made: the result may be much longer than what it is made from.
        run.Spend((long)text.Length / old.Length * replacement.Length);
        return text.Replace(old, replacement, StringComparison.Ordinal);
    }

    /// <summary>separator.join(values)</summary>
    public static string Join(JinjaRun run, string separator, object? values)
    {
        List<object?> elements = JinjaSequence.Elements(run, values);
        var joined = new StringBuilder();
        for (int i = 0; i < elements.Count; i++)
        {
            string text = JinjaValue.ToText(elements[i]);
            run.Spend((long)separator.Length + text.Length);
            joined.Append(i == 0 ? "" : separator).Append(text);
        }
        return joined.ToString();
    }

    /// <summary>lower, upper, capitalize or title.</summary>
    public static string ChangeCase(string text, string method)
    {
        if (method == "lower")
            return text.ToLowerInvariant();
        if (method == "upper")
            return text.ToUpperInvariant();
        char[] units = text.ToLowerInvariant().ToCharArray();
        for (int i = 0; i < units.Length; i++)
        {
            bool startsWord = i == 0 || (method == "title" && !char.IsLetter(units[i - 1]));
            units[i] = startsWord ? char.ToUpperInvariant(units[i]) : units[i];
        }
        return new string(units);
    }
}
