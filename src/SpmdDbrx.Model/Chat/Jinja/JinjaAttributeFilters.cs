namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Filters over an attribute of a list's elements: map(attribute='a'), selectattr and rejectattr.</summary>
internal static class JinjaAttributeFilters
{
    /// <exception cref="JinjaException">Arguments that are not supported.</exception>
    public static object? Apply(JinjaRun run, object? value, JinjaArguments arguments)
    {
        List<object?> elements = JinjaSequence.Elements(run, value);
        if (arguments.Callee == "map")
        {
            if (arguments.Count != 1 || !arguments.Named.TryGetValue("attribute", out object? name) || name is not string)
                throw new JinjaException("map: only map(attribute='name') is supported");
            return elements.ConvertAll(element => JinjaSequence.Index(run, element, name));
        }
        arguments.Require(1, 3);
        string attribute = arguments.Text(0);
        bool wanted = arguments.Callee == "selectattr";
        return elements.FindAll(element => Passes(run, JinjaSequence.Index(run, element, attribute), arguments) == wanted);
    }

    private static bool Passes(JinjaRun run, object? value, JinjaArguments arguments)
    {
        if (arguments.Count == 1)
            return JinjaValue.IsTrue(value);
        string test = arguments.Text(1);
        if (!JinjaTests.Exists(test))
            throw new JinjaException($"the test '{test}' is not supported");
        return JinjaTests.Apply(run, value, new JinjaArguments(test, arguments.Count == 3 ? [arguments[2]] : [], new JinjaMap()));
    }
}
