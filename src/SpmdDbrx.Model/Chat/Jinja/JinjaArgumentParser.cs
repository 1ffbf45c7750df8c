namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The arguments of calls, filters and tests.</summary>
internal sealed class JinjaArgumentParser(JinjaTokenReader reader, JinjaExpressionParser expressions)
{
    /// <summary>No arguments.</summary>
    public static Func<JinjaScope, JinjaArguments> None(string callee) => _ => new JinjaArguments(callee, [], new JinjaMap());

    /// <summary>Arguments up to the closing parenthesis; the opening one is taken.</summary>
    public Func<JinjaScope, JinjaArguments> Parse(string callee)
    {
        List<(string? Name, JinjaExpression Value)> arguments = [];
        while (!reader.TryTakeOperator(")"))
        {
            if (arguments.Count > 0)
                reader.Expect(JinjaTokenKind.Operator, ",");
            if (reader.TryTakeOperator(")"))
                break;
            bool isNamed = reader.Current.Kind == JinjaTokenKind.Name && reader.Next.Is(JinjaTokenKind.Operator, "=");
            string? name = isNamed ? reader.Take().Text : null;
            if (isNamed)
                reader.Take();
            arguments.Add((name, expressions.Parse()));
        }
        return scope =>
        {
            scope.Run.Spend(arguments.Count);
            List<object?> positional = [];
            var named = new JinjaMap();
            foreach ((string? name, JinjaExpression value) in arguments)
            {
                if (name is null)
                    positional.Add(value(scope));
                else
                    named[name] = value(scope);
            }
            return new JinjaArguments(callee, positional, named);
        };
    }
}
