namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Text, {{ output }} and the statements set, if, for, break, continue and generation.</summary>
internal sealed class JinjaStatementParser
{
    private readonly JinjaTokenReader reader;
    private readonly JinjaExpressionParser expressions;
    private int loops;

    private JinjaStatementParser(IReadOnlyList<JinjaToken> tokens)
    {
        reader = new JinjaTokenReader(tokens);
        expressions = new JinjaExpressionParser(reader);
    }

    /// <summary>A whole template.</summary>
    /// <exception cref="JinjaException">A construct that is wrong or not supported.</exception>
    public static JinjaStatement Parse(IReadOnlyList<JinjaToken> tokens)
    {
        var parser = new JinjaStatementParser(tokens);
        JinjaStatement template = parser.ParseBody();
        return parser.reader.Current.Kind == JinjaTokenKind.EndOfTemplate
            ? template
            : throw parser.reader.Unexpected("a statement");
    }

    /// <summary>Statements up to the end or to a tag that does not start one; that tag's name is then current.</summary>
    private JinjaStatement ParseBody(params string[] ends)
    {
        int level = reader.Depth;
        reader.Enter();
        List<JinjaStatement> body = [];
        while (reader.Current.Kind != JinjaTokenKind.EndOfTemplate)
        {
            JinjaToken token = reader.Take();
            if (token.Kind == JinjaTokenKind.Text)
                body.Add(Write(token));
            else if (token.Text == "{{")
                body.Add(ParseOutput(token));
            else if (reader.Current.Kind == JinjaTokenKind.Name && ends.Contains(reader.Current.Text))
                break;
            else
                body.Add(ParseStatement());
        }
        if (ends.Length > 0 && reader.Current.Kind == JinjaTokenKind.EndOfTemplate)
            throw reader.Unexpected($"'{{% {ends[^1]} %}}'");
        reader.Leave(level);
        return JinjaStatements.Sequence(body);
    }

    private static JinjaStatement Write(JinjaToken text) => scope =>
    {
        scope.Run.Step(text.Offset);
        scope.Run.Write(text.Text);
        return JinjaFlow.Next;
    };

    private JinjaStatement ParseOutput(JinjaToken tag)
    {
        JinjaExpression value = expressions.Parse();
        reader.Expect(JinjaTokenKind.TagEnd, "}}");
        return scope =>
        {
            object? result = value(scope);
            scope.Run.Step(tag.Offset);
            scope.Run.Write(JinjaValue.ToText(result));
            return JinjaFlow.Next;
        };
    }

    private JinjaStatement ParseStatement()
    {
        JinjaToken name = reader.Take();
        switch (name.Text)
        {
            case "set":
                return ParseSet(name);
            case "if":
                return ParseIf();
            case "for":
                return ParseFor(name);
            case "generation":
                // Hugging Face's mark around the assistant's text; it prints nothing itself.
                EndTag();
                JinjaStatement body = ParseBody("endgeneration");
                reader.Take();
                EndTag();
                return body;
            case "break" or "continue" when loops > 0:
                EndTag();
                JinjaFlow flow = name.Text == "break" ? JinjaFlow.Break : JinjaFlow.Continue;
                return _ => flow;
            default:
                throw new JinjaException($"the statement {name.Describe()} is not supported here", name.Offset);
        }
    }

    private JinjaStatement ParseSet(JinjaToken at)
    {
        string name = reader.ExpectName();
        string? attribute = reader.TryTakeOperator(".") ? reader.ExpectName() : null;
        if (reader.Current.Is(JinjaTokenKind.Operator, ","))
            throw new JinjaException("setting several variables at once is not supported", reader.Current.Offset);
        if (reader.TryTakeOperator("="))
        {
            JinjaExpression value = expressions.Parse();
            EndTag();
            return JinjaStatements.Set(at.Offset, name, attribute, value);
        }
        EndTag();
        JinjaStatement body = ParseBody("endset");
        reader.Take();
        EndTag();
        return JinjaStatements.Set(at.Offset, name, attribute, JinjaStatements.Capture(body));
    }

    private JinjaStatement ParseIf()
    {
        List<(JinjaExpression Condition, JinjaStatement Body)> branches = [];
        JinjaStatement otherwise = JinjaStatements.Sequence([]);
        for (string tag = "if"; tag != "endif";)
        {
            if (tag == "else")
            {
                EndTag();
                otherwise = ParseBody("endif");
            }
            else
            {
                JinjaExpression condition = expressions.Parse();
                EndTag();
                branches.Add((condition, ParseBody("elif", "else", "endif")));
            }
            tag = reader.Take().Text;
        }
        EndTag();
        return JinjaStatements.If(branches, otherwise);
    }

    private JinjaStatement ParseFor(JinjaToken at)
    {
        List<string> names = [reader.ExpectName()];
        while (reader.TryTakeOperator(","))
            names.Add(reader.ExpectName());
        reader.Expect(JinjaTokenKind.Name, "in");
        JinjaExpression elements = expressions.ParseOr();
        JinjaExpression? filter = reader.TryTakeName("if") ? expressions.Parse() : null;
        EndTag();
        loops++;
        JinjaStatement body = ParseBody("else", "endfor");
        loops--;
        JinjaStatement otherwise = JinjaStatements.Sequence([]);
        if (reader.Take().Text == "else")
        {
            EndTag();
            otherwise = ParseBody("endfor");
            reader.Take();
        }
        EndTag();
        return new JinjaLoop(at.Offset, names, elements, filter, body, otherwise).Run;
    }

    private void EndTag() => reader.Expect(JinjaTokenKind.TagEnd, "%}");
}
