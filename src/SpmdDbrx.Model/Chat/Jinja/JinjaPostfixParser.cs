namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>A value and what follows it: .name, .method(), [index], [slice], |filter, is test.</summary>
internal sealed class JinjaPostfixParser(JinjaTokenReader reader, JinjaExpressionParser expressions)
{
    private readonly JinjaPrimaryParser primary = new(reader, expressions);
    private readonly JinjaArgumentParser arguments = new(reader, expressions);

    /// <summary>The value at the reader with everything that binds to it.</summary>
    /// <exception cref="JinjaException">Not a value, or a construct that is not supported.</exception>
    public JinjaExpression Parse()
    {
        int level = reader.Depth;
        JinjaExpression value = primary.Parse();
        while (TryParseSuffix(value) is { } longer)
        {
            reader.Enter();
            value = longer;
        }
        reader.Leave(level);
        return value;
    }

    private JinjaExpression? TryParseSuffix(JinjaExpression value)
    {
        JinjaToken token = reader.Current;
        if (reader.TryTakeOperator("."))
            return ParseMember(token, value);
        if (reader.TryTakeOperator("["))
            return ParseSubscript(token, value);
        if (reader.TryTakeOperator("|"))
            return ParseFilter(value);
        if (reader.TryTakeName("is"))
            return ParseTest(value);
        return token.Is(JinjaTokenKind.Operator, "(")
            ? throw new JinjaException("only functions and methods can be called", token.Offset)
            : null;
    }

    private JinjaExpression ParseMember(JinjaToken dot, JinjaExpression target)
    {
        string name = reader.ExpectName();
        if (!reader.TryTakeOperator("("))
            return Apply(dot, target, JinjaArgumentParser.None(name), (run, value, _) => JinjaSequence.Index(run, value, name));
        return Apply(dot, target, arguments.Parse(name), JinjaMethods.Call);
    }

    private JinjaExpression ParseSubscript(JinjaToken bracket, JinjaExpression target)
    {
        JinjaExpression?[] bounds = new JinjaExpression?[3];
        int colons = 0;
        while (!reader.TryTakeOperator("]"))
        {
            if (colons < 2 && reader.TryTakeOperator(":"))
                colons++;
            else if (bounds[colons] is null)
                bounds[colons] = expressions.Parse();
            else
                throw reader.Unexpected("']'");
        }
        if (colons == 0 && bounds[0] is null)
            throw new JinjaException("expected an index", bracket.Offset);
        return scope =>
        {
            object? value = target(scope);
            object?[] at = Array.ConvertAll(bounds, bound => bound?.Invoke(scope));
            scope.Run.Step(bracket.Offset);
            return colons == 0 ? JinjaSequence.Index(scope.Run, value, at[0]) : JinjaSequence.Slice(scope.Run, value, at[0], at[1], at[2]);
        };
    }

    private JinjaExpression ParseFilter(JinjaExpression target)
    {
        JinjaToken name = reader.Current;
        if (!JinjaFilters.Exists(reader.ExpectName()))
            throw new JinjaException($"the filter '{name.Text}' is not supported", name.Offset);
        Func<JinjaScope, JinjaArguments> filterArguments =
            reader.TryTakeOperator("(") ? arguments.Parse(name.Text) : JinjaArgumentParser.None(name.Text);
        return Apply(name, target, filterArguments, JinjaFilters.Apply);
    }

    private JinjaExpression ParseTest(JinjaExpression target)
    {
        bool negated = reader.TryTakeName("not");
        JinjaToken name = reader.Current;
        if (!JinjaTests.Exists(reader.ExpectName()))
            throw new JinjaException($"the test '{name.Text}' is not supported", name.Offset);
        return Apply(name, target, ParseTestArguments(name.Text), (run, value, values) => JinjaTests.Apply(run, value, values) != negated);
    }

    private Func<JinjaScope, JinjaArguments> ParseTestArguments(string test)
    {
        if (reader.TryTakeOperator("("))
            return arguments.Parse(test);
        if (test is not ("equalto" or "eq" or "ne" or "in"))
            return JinjaArgumentParser.None(test);
        int level = reader.Depth;
        reader.Enter();
        JinjaExpression argument = Parse();
        reader.Leave(level);
        return scope => new JinjaArguments(test, [argument(scope)], new JinjaMap());
    }

    private static JinjaExpression Apply(
        JinjaToken at, JinjaExpression target, Func<JinjaScope, JinjaArguments> arguments, Func<JinjaRun, object?, JinjaArguments, object?> operation) => scope =>
    {
        object? value = target(scope);
        JinjaArguments values = arguments(scope);
        scope.Run.Step(at.Offset);
        return operation(scope.Run, value, values);
    };
}
