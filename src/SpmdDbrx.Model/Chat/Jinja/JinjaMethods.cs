namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The methods of Python's text and dictionaries that chat templates call.</summary>
internal static class JinjaMethods
{
    /// <exception cref="JinjaException">No such method here, or arguments that are not supported.</exception>
    public static object? Call(JinjaRun run, object? target, JinjaArguments arguments) => target switch
    {
        string text => CallOnText(run, text, arguments),
        JinjaMap map => CallOnMap(run, map, arguments),
        _ => throw Unsupported(target, arguments),
    };

    private static object CallOnText(JinjaRun run, string text, JinjaArguments arguments)
    {
        run.Spend(text.Length);
        switch (arguments.Callee)
        {
            case "strip" or "lstrip" or "rstrip":
                arguments.Require(0, 1);
                return JinjaText.Strip(run, text, arguments.Callee, arguments.Count == 0 ? null : arguments.Text(0));
            case "startswith":
                arguments.Require(1, 1);
                return text.StartsWith(arguments.Text(0), StringComparison.Ordinal);
            case "endswith":
                arguments.Require(1, 1);
                return text.EndsWith(arguments.Text(0), StringComparison.Ordinal);
            case "split":
                arguments.Require(0, 2);
                return JinjaText.Split(run, text, arguments);
            case "replace":
                arguments.Require(2, 2);
                return JinjaText.Replace(run, text, arguments.Text(0), arguments.Text(1));
            case "lower" or "upper" or "capitalize" or "title":
                arguments.Require(0, 0);
                return JinjaText.ChangeCase(text, arguments.Callee);
            case "join":
                arguments.Require(1, 1);
                return JinjaText.Join(run, text, arguments[0]);
            default:
                throw Unsupported(text, arguments);
        }
    }

    private static object? CallOnMap(JinjaRun run, JinjaMap map, JinjaArguments arguments)
    {
        run.Spend(map.Count);
        switch (arguments.Callee)
        {
            case "get":
                arguments.Require(1, 2);
                return map.TryGetValue(arguments.Text(0), out object? value) ? value : arguments.Count == 2 ? arguments[1] : null;
            case "items":
                arguments.Require(0, 0);
                return Items(map);
            case "keys":
                arguments.Require(0, 0);
                return map.Keys.ToList<object?>();
            case "values":
                arguments.Require(0, 0);
                return map.Values.ToList();
            default:
                throw Unsupported(map, arguments);
        }
    }

    /// <summary>dict.items(): a list of [key, value].</summary>
    public static List<object?> Items(JinjaMap map) =>
        map.Select(entry => (object?)new List<object?> { entry.Key, entry.Value }).ToList();

    private static JinjaException Unsupported(object? target, JinjaArguments arguments) =>
        new($"the method '{arguments.Callee}' on {JinjaValue.Describe(target)} is not supported");
}
