namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>A parsed expression. Values are null (none), bool, long, string, List of values, <see cref="JinjaMap"/>, <see cref="JinjaNamespace"/> and <see cref="JinjaUndefined"/>.</summary>
internal delegate object? JinjaExpression(JinjaScope scope);

/// <summary>A parsed statement: writes to the run's output.</summary>
internal delegate JinjaFlow JinjaStatement(JinjaScope scope);
