using System.Globalization;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Where expressions start: literals, names, function calls and parentheses.</summary>
internal sealed class JinjaPrimaryParser(JinjaTokenReader reader, JinjaExpressionParser expressions)
{
    private readonly JinjaArgumentParser arguments = new(reader, expressions);

    /// <summary>The value at the reader.</summary>
    /// <exception cref="JinjaException">None is there, or a kind that is not supported.</exception>
    public JinjaExpression Parse()
    {
        JinjaToken token = reader.Take();
        switch (token.Kind)
        {
            case JinjaTokenKind.String:
                return Constant(ParseAdjacentStrings(token.Text));
            case JinjaTokenKind.Integer:
                return Constant(ParseInteger(token));
            case JinjaTokenKind.Name:
                return ParseName(token);
            case JinjaTokenKind.Operator when token.Text == "(":
                return ParseParentheses();
            case JinjaTokenKind.Operator when token.Text == "[":
                return ParseList();
            case JinjaTokenKind.Operator when token.Text == "{":
                return ParseMap();
            default:
                throw new JinjaException($"expected a value, found {token.Describe()}", token.Offset);
        }
    }

    private string ParseAdjacentStrings(string first)
    {
        List<string> parts = [first];
        while (reader.Current.Kind == JinjaTokenKind.String)
            parts.Add(reader.Take().Text);
        return string.Concat(parts);
    }

    private long ParseInteger(JinjaToken token)
    {
        bool isFloat = reader.Current.Is(JinjaTokenKind.Operator, ".") && reader.Next.Kind == JinjaTokenKind.Integer;
        return !isFloat && long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new JinjaException("numbers other than 64-bit decimal whole numbers are not supported", token.Offset);
    }

    private JinjaExpression ParseName(JinjaToken token)
    {
        switch (token.Text)
        {
            case "true" or "True":
                return Constant(true);
            case "false" or "False":
                return Constant(false);
            case "none" or "None":
                return Constant(null);
        }
        if (!reader.TryTakeOperator("("))
            return scope => scope.Get(token.Text);
        if (!JinjaFunctions.Exists(token.Text))
            throw new JinjaException($"the function '{token.Text}' is not supported", token.Offset);
        Func<JinjaScope, JinjaArguments> callArguments = arguments.Parse(token.Text);
        return scope =>
        {
            JinjaArguments values = callArguments(scope);
            scope.Run.Step(token.Offset);
            return JinjaFunctions.Call(scope.Run, values);
        };
    }

    private JinjaExpression ParseParentheses()
    {
        JinjaExpression value = expressions.Parse();
        if (reader.Current.Is(JinjaTokenKind.Operator, ","))
            throw new JinjaException("tuples are not supported (use a list)", reader.Current.Offset);
        reader.Expect(JinjaTokenKind.Operator, ")");
        return value;
    }

    private JinjaExpression ParseList()
    {
        List<JinjaExpression> items = [];
        while (!reader.TryTakeOperator("]"))
        {
            if (items.Count > 0)
                reader.Expect(JinjaTokenKind.Operator, ",");
            if (reader.TryTakeOperator("]"))
                break;
            items.Add(expressions.Parse());
        }
        return scope =>
        {
            scope.Run.Spend(items.Count);
            return items.ConvertAll(item => item(scope));
        };
    }

    private JinjaExpression ParseMap()
    {
        List<(JinjaExpression Key, JinjaExpression Value, int Offset)> entries = [];
        while (!reader.TryTakeOperator("}"))
        {
            if (entries.Count > 0)
                reader.Expect(JinjaTokenKind.Operator, ",");
            if (reader.TryTakeOperator("}"))
                break;
            int offset = reader.Current.Offset;
            JinjaExpression key = expressions.Parse();
            reader.Expect(JinjaTokenKind.Operator, ":");
            entries.Add((key, expressions.Parse(), offset));
        }
        return scope =>
        {
            var map = new JinjaMap();
            foreach ((JinjaExpression key, JinjaExpression value, int offset) in entries)
            {
                scope.Run.Step(offset);
                string name = key(scope) as string ?? throw new JinjaException("dictionary keys other than text are not supported");
                map[name] = value(scope);
            }
            return map;
        };
    }

    private static JinjaExpression Constant(object? value) => _ => value;
}
