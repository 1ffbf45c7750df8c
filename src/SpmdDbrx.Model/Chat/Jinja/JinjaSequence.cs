using System.Text;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Indexing, slicing and iterating over text, lists and dictionaries. The elements of text are code points, as in Python.</summary>
internal static class JinjaSequence
{
    /// <summary>The values that a for loop or a filter sees.</summary>
    public static List<object?> Elements(JinjaRun run, object? value)
    {
        List<object?> elements = value switch
        {
            List<object?> list => list,
            string text => CodePoints(run, text),
            JinjaMap map => [.. map.Keys],
            JinjaUndefined => [],
            _ => throw new JinjaException($"{JinjaValue.Describe(value)} cannot be iterated over"),
        };
        run.Spend(elements.Count);
        return elements;
    }

    /// <summary>len(value)</summary>
    public static long Length(JinjaRun run, object? value) =>
        value is string text ? text.EnumerateRunes().Count() : Elements(run, value).Count;

    /// <summary>value[index]</summary>
    public static object? Index(JinjaRun run, object? value, object? index)
    {
        switch (value, index)
        {
            case (JinjaUndefined, _):
                throw new JinjaException($"{JinjaValue.Describe(value)} has no elements");
            case (JinjaMap map, string key):
                return map.TryGetValue(key, out object? entry) ? entry : new JinjaUndefined(key);
            case (JinjaNamespace space, string key):
                return space.Attributes.TryGetValue(key, out object? attribute) ? attribute : new JinjaUndefined(key);
            case (List<object?> or string, long position):
                List<object?> elements = Elements(run, value);
                long fromStart = position < 0 ? position + elements.Count : position;
                return fromStart >= 0 && fromStart < elements.Count
                    ? elements[(int)fromStart]
                    : new JinjaUndefined($"element {position}");
            default:
                return new JinjaUndefined(index as string ?? "element");
        }
    }

    /// <summary>value[start:stop:step] with Python's rules for omitted (none) and negative bounds.</summary>
    public static object? Slice(JinjaRun run, object? value, object? start, object? stop, object? step)
    {
        if (value is not (string or List<object?>))
            throw new JinjaException($"{JinjaValue.Describe(value)} cannot be sliced");
        long stride = Bound(step, absent: 1);
        if (stride == 0)
            throw new JinjaException("a slice's step must not be zero");
        List<object?> elements = Elements(run, value);
        List<object?> slice = [];
        long first = stride > 0 ? Clamp(start, 0) : Clamp(start, elements.Count - 1);
        long end = stride > 0 ? Clamp(stop, elements.Count) : Clamp(stop, -1);
        for (long i = first; stride > 0 ? i < end : i > end; i += stride)
            slice.Add(elements[(int)i]);
        run.Spend(slice.Count);
        return value is string ? string.Concat(slice) : slice;

        long Clamp(object? bound, long absent)
        {
            if (bound is null)
                return absent;
            long given = Bound(bound, 0);
            long fromStart = given < 0 ? given + elements.Count : given;
            return stride > 0 ? Math.Clamp(fromStart, 0, elements.Count) : Math.Clamp(fromStart, -1, elements.Count - 1);
        }
    }

    private static long Bound(object? bound, long absent) => bound switch
    {
        null => absent,
        // Far beyond any length, so that no sum of bounds overflows.
        long number => Math.Clamp(number, -(1L << 40), 1L << 40),
        _ => throw new JinjaException($"{JinjaValue.Describe(bound)} cannot bound a slice"),
    };

    private static List<object?> CodePoints(JinjaRun run, string text)
    {
        run.Spend(4L * text.Length);
        List<object?> points = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            points.Add(rune.ToString());
        return points;
    }
}
