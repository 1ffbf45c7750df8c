namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Binary operators on values, as Python defines them.</summary>
internal static class JinjaOperators
{
    /// <exception cref="JinjaException">The operands do not go together, or the result is no 64-bit whole number.</exception>
    public static object? Apply(JinjaRun run, string symbol, object? left, object? right) => symbol switch
    {
        "==" => JinjaValue.AreEqual(run, left, right),
        "!=" => !JinjaValue.AreEqual(run, left, right),
        "<" or "<=" or ">" or ">=" => Compare(run, symbol, left, right),
        "in" => Contains(run, left, right),
        "not in" => !Contains(run, left, right),
        "~" => Join(run, JinjaValue.ToText(left), JinjaValue.ToText(right)),
        "+" when left is string a && right is string b => Join(run, a, b),
        "+" when left is List<object?> a && right is List<object?> b => Join(run, a, b),
        _ => Calculate(symbol, left, right),
    };

    /// <summary>item in container</summary>
    public static bool Contains(JinjaRun run, object? item, object? container)
    {
        switch (container)
        {
            case string text when item is string wanted:
                run.SpendSearch(text, wanted);
                return text.Contains(wanted, StringComparison.Ordinal);
            case List<object?> list:
                return list.Exists(other => JinjaValue.AreEqual(run, item, other));
            case JinjaMap map:
                return item is string key && map.ContainsKey(key);
            case JinjaUndefined:
                return false;
            default:
                throw new JinjaException($"'in' does not apply to {JinjaValue.Describe(item)} and {JinjaValue.Describe(container)}");
        }
    }

    private static string Join(JinjaRun run, string left, string right)
    {
        run.Spend((long)left.Length + right.Length);
        return left + right;
    }

    private static List<object?> Join(JinjaRun run, List<object?> left, List<object?> right)
    {
        run.Spend((long)left.Count + right.Count);
        return [.. left, .. right];
    }

    private static bool Compare(JinjaRun run, string symbol, object? left, object? right)
    {
        int order;
        if (left is string a && right is string b)
        {
            run.Spend(Math.Min(a.Length, b.Length) / 16);
            order = string.CompareOrdinal(a, b);
        }
        else if (JinjaValue.TryNumber(left, out long x) && JinjaValue.TryNumber(right, out long y))
        {
            order = x.CompareTo(y);
        }
        else
        {
            throw Mismatch(symbol, left, right);
        }
        return symbol switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    private static object Calculate(string symbol, object? left, object? right)
    {
        if (!JinjaValue.TryNumber(left, out long x) || !JinjaValue.TryNumber(right, out long y))
            throw Mismatch(symbol, left, right);
        if (symbol is "//" or "%" && y == 0)
            throw new JinjaException("division by zero");
        try
        {
            return checked(symbol switch
            {
                "+" => x + y,
                "-" => x - y,
                "*" => x * y,
                "//" => FloorDivide(x, y),
                "%" => y == -1 ? 0 : x - FloorDivide(x, y) * y,
                _ => throw new JinjaException($"the operator '{symbol}' is not supported"),
            });
        }
        catch (OverflowException)
        {
            throw new JinjaException("whole numbers beyond 64 bits are not supported");
        }
    }

    private static long FloorDivide(long x, long y)
    {
        long quotient = checked(x / y);
        return x % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient;
    }

    private static JinjaException Mismatch(string symbol, object? left, object? right) =>
        new($"'{symbol}' does not apply to {JinjaValue.Describe(left)} and {JinjaValue.Describe(right)}");
}
