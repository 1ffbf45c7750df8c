namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>namespace(): the one object whose attributes a template can change, also from inside a loop.</summary>
internal sealed class JinjaNamespace
{
    public Dictionary<string, object?> Attributes { get; } = new(StringComparer.Ordinal);
}
