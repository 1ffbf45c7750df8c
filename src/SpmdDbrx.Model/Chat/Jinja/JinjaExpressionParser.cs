namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>
/// Operators by precedence, lowest first: if-else, or, and, not, comparisons, + -, ~, * / // %, sign; then what <see cref="JinjaPostfixParser"/> reads.
/// </summary>
internal sealed class JinjaExpressionParser
{
    // Lowest first; "~" binds tighter than "+" in Jinja.
    private static readonly string[][] Levels = [["+", "-"], ["~"], ["*", "/", "//", "%", "**"]];
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];
    private readonly JinjaTokenReader reader;
    private readonly JinjaPostfixParser postfix;

    public JinjaExpressionParser(JinjaTokenReader reader)
    {
        this.reader = reader;
        postfix = new JinjaPostfixParser(reader, this);
    }

    /// <summary>A whole expression.</summary>
    /// <exception cref="JinjaException">Not one, or one that is not supported.</exception>
    public JinjaExpression Parse()
    {
        int level = reader.Depth;
        reader.Enter();
        JinjaExpression value = ParseOr();
        if (reader.TryTakeName("if"))
        {
            JinjaExpression condition = ParseOr();
            JinjaExpression otherwise = reader.TryTakeName("else") ? Parse() : _ => new JinjaUndefined("else");
            JinjaExpression then = value;
            value = scope => JinjaValue.IsTrue(condition(scope)) ? then(scope) : otherwise(scope);
        }
        reader.Leave(level);
        return value;
    }

    /// <summary>An expression without a trailing if: what a for loop iterates over.</summary>
    public JinjaExpression ParseOr()
    {
        int level = reader.Depth;
        JinjaExpression value = ParseAnd();
        while (reader.TryTakeName("or"))
        {
            reader.Enter();
            JinjaExpression left = value;
            JinjaExpression right = ParseAnd();
            value = scope => left(scope) is { } found && JinjaValue.IsTrue(found) ? found : right(scope);
        }
        reader.Leave(level);
        return value;
    }

    private JinjaExpression ParseAnd()
    {
        int level = reader.Depth;
        JinjaExpression value = ParseNot();
        while (reader.TryTakeName("and"))
        {
            reader.Enter();
            JinjaExpression left = value;
            JinjaExpression right = ParseNot();
            value = scope => left(scope) is var found && JinjaValue.IsTrue(found) ? right(scope) : found;
        }
        reader.Leave(level);
        return value;
    }

    private JinjaExpression ParseNot()
    {
        if (!reader.TryTakeName("not"))
            return ParseComparison();
        int level = reader.Depth;
        reader.Enter();
        JinjaExpression operand = ParseNot();
        reader.Leave(level);
        return scope => !JinjaValue.IsTrue(operand(scope));
    }

    private JinjaExpression ParseComparison()
    {
        JinjaExpression left = ParseArithmetic(0);
        if (!TryTakeComparison(out JinjaToken symbol))
            return left;
        JinjaExpression right = ParseArithmetic(0);
        if (TryTakeComparison(out JinjaToken second))
            throw new JinjaException("chained comparisons are not supported", second.Offset);
        return Binary(symbol, left, right);
    }

    private bool TryTakeComparison(out JinjaToken symbol)
    {
        symbol = reader.Current;
        if (symbol.Kind == JinjaTokenKind.Operator && Comparisons.Contains(symbol.Text))
        {
            reader.Take();
            return true;
        }
        if (symbol.Is(JinjaTokenKind.Name, "not") && reader.Next.Is(JinjaTokenKind.Name, "in"))
        {
            reader.Take();
            reader.Take();
            symbol = symbol with { Text = "not in" };
            return true;
        }
        return reader.TryTakeName("in");
    }

    private JinjaExpression ParseArithmetic(int precedence)
    {
        if (precedence == Levels.Length)
            return ParseSigned();
        int level = reader.Depth;
        JinjaExpression value = ParseArithmetic(precedence + 1);
        while (reader.Current is { Kind: JinjaTokenKind.Operator } symbol && Levels[precedence].Contains(symbol.Text))
        {
            reader.Enter();
            reader.Take();
            value = Binary(symbol, value, ParseArithmetic(precedence + 1));
        }
        reader.Leave(level);
        return value;
    }

    private JinjaExpression ParseSigned()
    {
        JinjaToken sign = reader.Current;
        if (!reader.TryTakeOperator("-"))
            return postfix.Parse();
        int level = reader.Depth;
        reader.Enter();
        JinjaExpression operand = ParseSigned();
        reader.Leave(level);
        return Binary(sign, _ => 0L, operand);
    }

    private static JinjaExpression Binary(JinjaToken symbol, JinjaExpression left, JinjaExpression right) => scope =>
    {
        object? leftValue = left(scope);
        object? rightValue = right(scope);
        scope.Run.Step(symbol.Offset);
        return JinjaOperators.Apply(scope.Run, symbol.Text, leftValue, rightValue);
    };
}
