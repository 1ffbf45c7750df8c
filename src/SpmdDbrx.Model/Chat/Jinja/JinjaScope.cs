namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>Variables by name; those of a for loop's pass hide the outer ones and end with the pass.</summary>
internal sealed class JinjaScope
{
    private readonly JinjaScope? outer;
    private readonly Dictionary<string, object?> variables = new(StringComparer.Ordinal);

    public JinjaScope(JinjaRun run) => Run = run;

    public JinjaScope(JinjaScope outer)
    {
        this.outer = outer;
        Run = outer.Run;
    }

    public JinjaRun Run { get; }

    public void Set(string name, object? value) => variables[name] = value;

    /// <summary>The variable's value, undefined if there is none.</summary>
    public object? Get(string name)
    {
        for (JinjaScope? scope = this; scope is not null; scope = scope.outer)
        {
            if (scope.variables.TryGetValue(name, out object? value))
                return value;
        }
        return new JinjaUndefined(name);
    }
}
