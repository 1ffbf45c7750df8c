namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>{% for names in elements if filter %} body {% else %} otherwise {% endfor %}</summary>
internal sealed class JinjaLoop(
    int offset, IReadOnlyList<string> names, JinjaExpression elements, JinjaExpression? filter, JinjaStatement body, JinjaStatement otherwise)
{
    // A pass makes a scope and the loop variable, about as much work as this many plain steps.
    private const int PassCost = 20;

    /// <summary>The statement.</summary>
    public JinjaFlow Run(JinjaScope scope)
    {
        List<object?> values = Filter(scope, JinjaSequence.Elements(scope.Run, elements(scope)));
        for (int i = 0; i < values.Count; i++)
        {
            scope.Run.Step(offset);
            scope.Run.Spend(PassCost);
            JinjaScope pass = Pass(scope, values[i]);
            pass.Set("loop", LoopVariable(values, i));
            if (body(pass) == JinjaFlow.Break)
                break;
        }
        return values.Count == 0 ? otherwise(scope) : JinjaFlow.Next;
    }

    private List<object?> Filter(JinjaScope scope, List<object?> values) =>
        filter is null ? values : values.FindAll(value => JinjaValue.IsTrue(filter(Pass(scope, value))));

    private JinjaScope Pass(JinjaScope scope, object? value)
    {
        var pass = new JinjaScope(scope);
        if (names.Count == 1)
        {
            pass.Set(names[0], value);
            return pass;
        }
        if (value is not List<object?> parts || parts.Count != names.Count)
            throw new JinjaException($"expected a list of {names.Count} for the loop's variables, found {JinjaValue.Describe(value)}");
        for (int i = 0; i < names.Count; i++)
            pass.Set(names[i], parts[i]);
        return pass;
    }

    private static JinjaMap LoopVariable(List<object?> values, int i) => new()
    {
        ["index"] = i + 1L,
        ["index0"] = (long)i,
        ["revindex"] = (long)(values.Count - i),
        ["revindex0"] = (long)(values.Count - i - 1),
        ["first"] = i == 0,
        ["last"] = i == values.Count - 1,
        ["length"] = (long)values.Count,
        ["previtem"] = i > 0 ? values[i - 1] : new JinjaUndefined("loop.previtem"),
        ["nextitem"] = i + 1 < values.Count ? values[i + 1] : new JinjaUndefined("loop.nextitem"),
    };
}
