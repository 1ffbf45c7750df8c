using System.Globalization;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The filters that chat templates use (Jinja documentation, "List of Builtin Filters").</summary>
internal static class JinjaFilters
{
    private static readonly HashSet<string> Names =
    [
        "trim", "lower", "upper", "capitalize", "title", "replace", "string", "safe", "int", "tojson", "length", "count", "first", "last",
        "list", "reverse", "join", "items", "default", "d", "map", "selectattr", "rejectattr",
    ];

    public static bool Exists(string name) => Names.Contains(name);

    /// <exception cref="JinjaException">Arguments or values that are not supported.</exception>
    public static object? Apply(JinjaRun run, object? value, JinjaArguments arguments)
    {
        switch (arguments.Callee)
        {
            case "trim" or "lower" or "upper" or "capitalize" or "title" or "replace" or "string" or "safe" or "int":
                return ApplyToText(run, JinjaValue.ToText(value), arguments);
            case "default" or "d":
                arguments.Require(0, 2);
                bool alsoFalse = arguments.Count == 2 && JinjaValue.IsTrue(arguments[1]);
                bool missing = value is JinjaUndefined || (alsoFalse && !JinjaValue.IsTrue(value));
                return !missing ? value : arguments.Count > 0 ? arguments[0] : "";
            case "tojson":
                arguments.Require(0, 0);
                return JinjaJson.Write(run, value);
            case "map" or "selectattr" or "rejectattr":
                return JinjaAttributeFilters.Apply(run, value, arguments);
            case "join":
                arguments.Require(0, 1);
                return JinjaText.Join(run, arguments.Count == 0 ? "" : arguments.Text(0), value);
            default:
                arguments.Require(0, 0);
                return ApplyToSequence(run, value, arguments.Callee);
        }
    }

    private static object ApplyToText(JinjaRun run, string text, JinjaArguments arguments)
    {
        run.Spend(text.Length);
        switch (arguments.Callee)
        {
            case "trim":
                arguments.Require(0, 1);
                return JinjaText.Strip(run, text, "strip", arguments.Count == 0 ? null : arguments.Text(0));
            case "replace":
                arguments.Require(2, 2);
                return JinjaText.Replace(run, text, arguments.Text(0), arguments.Text(1));
        }
        arguments.Require(0, 0);
        return arguments.Callee switch
        {
            "int" => long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long number) ? number : 0L,
            "string" or "safe" => text,
            string method => JinjaText.ChangeCase(text, method),
        };
    }

    private static object? ApplyToSequence(JinjaRun run, object? value, string filter)
    {
        if (filter is "length" or "count")
            return JinjaSequence.Length(run, value);
        if (filter == "items")
            return value is JinjaMap map ? JinjaMethods.Items(map) : throw new JinjaException($"items does not apply to {JinjaValue.Describe(value)}");
        List<object?> elements = JinjaSequence.Elements(run, value);
        return filter switch
        {
            "first" => elements.Count > 0 ? elements[0] : new JinjaUndefined("first of nothing"),
            "last" => elements.Count > 0 ? elements[^1] : new JinjaUndefined("last of nothing"),
            "reverse" when value is string => string.Concat(Enumerable.Reverse(elements)),
            "reverse" => Enumerable.Reverse(elements).ToList(),
            _ => elements.ToList(),
        };
    }
}
