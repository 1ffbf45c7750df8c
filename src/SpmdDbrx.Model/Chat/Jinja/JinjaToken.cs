namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>A token of a template.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text or value.</param>
/// <param name="Offset">Where it starts in the source.</param>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Offset)
{
    public bool Is(JinjaTokenKind kind, string text) => Kind == kind && Text == text;

    public string Describe() => Kind switch
    {
        JinjaTokenKind.EndOfTemplate => "the end of the template",
        JinjaTokenKind.Text => "text",
        JinjaTokenKind.String => "a string",
        _ => $"'{(Text.Length <= 40 ? Text : Text[..37] + "...")}'",
    };
}
