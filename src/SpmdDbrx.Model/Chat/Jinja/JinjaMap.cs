namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>A dictionary with text keys in the order they were written.</summary>
internal sealed class JinjaMap : OrderedDictionary<string, object?>
{
    public JinjaMap() : base(StringComparer.Ordinal) { }
}
