namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>
/// A parsed template. The language is the part of Jinja2 that chat templates use; everything else is refused by name and position,
/// because a template that renders slightly differently gives the model a prompt it was not trained on.
/// </summary>
internal sealed class JinjaTemplate
{
    private const int LongestSource = 1 << 20;
    private readonly string name;
    private readonly string source;
    private readonly JinjaStatement body;

    /// <param name="name">File and field, for messages.</param>
    /// <param name="source">The template.</param>
    /// <exception cref="InvalidModelException">The template has a fault or a construct that is not supported.</exception>
    public JinjaTemplate(string name, string source)
    {
        if (source.Length > LongestSource)
            throw new InvalidModelException($"{name}: expected at most {LongestSource:N0} characters, found {source.Length:N0}");
        this.name = name;
        this.source = JinjaLexer.Normalize(source);
        try
        {
            body = JinjaStatementParser.Parse(JinjaLexer.Tokenize(this.source));
        }
        catch (JinjaException error)
        {
            throw AtPosition(error, error.Offset ?? 0);
        }
    }

    /// <summary>Fills in the template.</summary>
    /// <param name="variables">What the template sees.</param>
    /// <param name="budget">Most steps and characters that rendering may take.</param>
    /// <exception cref="InvalidModelException">The template does what is not supported, or too much of it.</exception>
    /// <exception cref="JinjaRaisedException">The template refuses its input.</exception>
    public string Render(IEnumerable<KeyValuePair<string, object?>> variables, long budget)
    {
        var run = new JinjaRun(budget);
        var scope = new JinjaScope(run);
        foreach ((string variable, object? value) in variables)
            scope.Set(variable, value);
        try
        {
            body(scope);
        }
        catch (JinjaException error)
        {
            throw AtPosition(error, error.Offset ?? run.Offset);
        }
        return run.Output.ToString();
    }

    private InvalidModelException AtPosition(JinjaException error, int offset)
    {
        ReadOnlySpan<char> before = source.AsSpan(0, offset);
        int line = before.Count('\n') + 1;
        int column = offset - (before.LastIndexOf('\n') + 1) + 1;
        return new InvalidModelException($"{name}: line {line}, column {column}: {error.Message}", error);
    }
}
