namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Arguments of a call of a function, method, filter or test.</summary>
internal sealed class JinjaArguments(string callee, IReadOnlyList<object?> positional, JinjaMap named)
{
    /// <summary>What is called, for messages.</summary>
    public string Callee { get; } = callee;

    public int Count => positional.Count + Named.Count;

    public JinjaMap Named { get; } = named;

    public object? this[int index] => positional[index];

    /// <summary>Refuses calls that this interpreter would not answer as Jinja does.</summary>
    /// <exception cref="JinjaException">Fewer or more arguments than supported, or named ones.</exception>
    public void Require(int minimum, int maximum)
    {
        if (Named.Count > 0)
            throw new JinjaException($"{Callee}: the argument '{Named.Keys.First()}' is not supported by name");
        if (positional.Count < minimum || positional.Count > maximum)
            throw new JinjaException($"{Callee}: {positional.Count} arguments are not supported");
    }

    /// <summary>An argument that must be text.</summary>
    public string Text(int index) => positional[index] as string ?? throw Unexpected("text", index);

    /// <summary>An argument that must be a whole number.</summary>
    public long Integer(int index) => positional[index] is long value ? value : throw Unexpected("a whole number", index);

    private JinjaException Unexpected(string expected, int index) =>
        new($"{Callee}: expected {expected} as argument {index + 1}, found {JinjaValue.Describe(positional[index])}");
}
