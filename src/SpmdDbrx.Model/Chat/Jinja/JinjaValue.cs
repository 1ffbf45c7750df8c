using System.Globalization;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>What every value can do, as Python does it.</summary>
internal static class JinjaValue
{
    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long number => number != 0,
        string text => text.Length > 0,
        List<object?> list => list.Count > 0,
        JinjaMap map => map.Count > 0,
        _ => true,
    };

    /// <summary>str(value) for what prints the same in every Python; other values are refused.</summary>
    public static string ToText(object? value) => value switch
    {
        null => "None",
        JinjaUndefined => "",
        bool flag => flag ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        string text => text,
        _ => throw new JinjaException($"printing {Describe(value)} is not supported (use the tojson filter)"),
    };

    /// <summary>==</summary>
    public static bool AreEqual(JinjaRun run, object? left, object? right, int depth = 0)
    {
        run.Spend(4);
        if (depth > JinjaRun.DeepestValue)
            throw new JinjaException("comparing lists this deep is not supported");
        switch (left, right)
        {
            case (string a, string b):
                run.Spend(Math.Min(a.Length, b.Length) / 16);
                return a == b;
            case (List<object?> a, List<object?> b):
                return a.Count == b.Count && !a.Where((item, i) => !AreEqual(run, item, b[i], depth + 1)).Any();
            case (JinjaMap a, JinjaMap b):
                return a.Count == b.Count
                    && a.All(entry => b.TryGetValue(entry.Key, out object? other) && AreEqual(run, entry.Value, other, depth + 1));
            case (JinjaUndefined, JinjaUndefined):
                return true;
        }
        return TryNumber(left, out long x) && TryNumber(right, out long y) ? x == y : ReferenceEquals(left, right);
    }

    /// <summary>A whole number; true and false count as 1 and 0.</summary>
    public static bool TryNumber(object? value, out long number)
    {
        number = value switch { long integer => integer, true => 1, _ => 0 };
        return value is long or bool;
    }

    /// <summary>The kind of a value, for messages.</summary>
    public static string Describe(object? value) => value switch
    {
        null => "none",
        JinjaUndefined undefined => $"the undefined '{undefined.Name}'",
        bool => "a boolean",
        long => "a whole number",
        string => "text",
        List<object?> => "a list",
        JinjaMap => "a dictionary",
        _ => "a namespace",
    };
}
