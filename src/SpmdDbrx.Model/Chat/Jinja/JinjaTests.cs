namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The tests behind "is" that chat templates use (Jinja documentation, "List of Builtin Tests").</summary>
internal static class JinjaTests
{
    private static readonly HashSet<string> Names =
    [
        "defined", "undefined", "none", "string", "boolean", "integer", "number", "mapping", "sequence", "iterable", "true", "false",
        "equalto", "eq", "==", "ne", "!=", "in", "odd", "even",
    ];

    public static bool Exists(string name) => Names.Contains(name);

    /// <exception cref="JinjaException">Arguments that are not supported.</exception>
    public static bool Apply(JinjaRun run, object? value, JinjaArguments arguments)
    {
        bool hasArgument = arguments.Callee is "equalto" or "eq" or "==" or "ne" or "!=" or "in";
        arguments.Require(hasArgument ? 1 : 0, hasArgument ? 1 : 0);
        return arguments.Callee switch
        {
            "defined" => value is not JinjaUndefined,
            "undefined" => value is JinjaUndefined,
            "none" => value is null,
            "string" => value is string,
            "boolean" => value is bool,
            "integer" => value is long,
            "number" => value is long or bool,
            "mapping" => value is JinjaMap,
            "sequence" or "iterable" => value is string or List<object?> or JinjaMap or JinjaUndefined,
            "true" => value is true,
            "false" => value is false,
            "in" => JinjaOperators.Contains(run, value, arguments[0]),
            "odd" or "even" => IsEven(value) == (arguments.Callee == "even"),
            "ne" or "!=" => !JinjaValue.AreEqual(run, value, arguments[0]),
            _ => JinjaValue.AreEqual(run, value, arguments[0]),
        };
    }

    private static bool IsEven(object? value) =>
        value is long number ? number % 2 == 0 : throw new JinjaException($"{JinjaValue.Describe(value)} is neither odd nor even");
}
