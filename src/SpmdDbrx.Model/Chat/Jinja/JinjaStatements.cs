using System.Text;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>What statements do.</summary>
internal static class JinjaStatements
{
    /// <summary>One after another, up to a break or continue.</summary>
    public static JinjaStatement Sequence(IReadOnlyList<JinjaStatement> statements) => scope =>
    {
        foreach (JinjaStatement statement in statements)
        {
            JinjaFlow flow = statement(scope);
            if (flow != JinjaFlow.Next)
                return flow;
        }
        return JinjaFlow.Next;
    };

    /// <summary>The first branch whose condition is true.</summary>
    public static JinjaStatement If(IReadOnlyList<(JinjaExpression Condition, JinjaStatement Body)> branches, JinjaStatement otherwise) => scope =>
    {
        foreach ((JinjaExpression condition, JinjaStatement body) in branches)
        {
            if (JinjaValue.IsTrue(condition(scope)))
                return body(scope);
        }
        return otherwise(scope);
    };

    /// <summary>{% set name = value %} or {% set namespace.attribute = value %}.</summary>
    public static JinjaStatement Set(int offset, string name, string? attribute, JinjaExpression value) => scope =>
    {
        object? result = value(scope);
        scope.Run.Step(offset);
        if (attribute is null)
            scope.Set(name, result);
        else if (scope.Get(name) is JinjaNamespace space)
            space.Attributes[attribute] = result;
        else
            throw new JinjaException($"expected '{name}' to be a namespace, found {JinjaValue.Describe(scope.Get(name))}");
        return JinjaFlow.Next;
    };

    /// <summary>What a body prints, as text.</summary>
    public static JinjaExpression Capture(JinjaStatement body) => scope =>
    {
        StringBuilder outer = scope.Run.Output;
        scope.Run.Output = new StringBuilder();
        body(new JinjaScope(scope));
        string captured = scope.Run.Output.ToString();
        scope.Run.Output = outer;
        return captured;
    };
}
