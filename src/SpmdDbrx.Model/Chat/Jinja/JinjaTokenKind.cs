namespace SpmdDbrx.Model.Chat.Jinja;

internal enum JinjaTokenKind
{
    /// <summary>Text outside tags.</summary>
    Text,

    /// <summary><c>{{</c>, <c>}}</c>, <c>{%</c> and <c>%}</c>, without their signs.</summary>
    TagBegin,
    TagEnd,

    Name,
    Integer,

    /// <summary>A string literal, its escapes resolved.</summary>
    String,
    Operator,
    EndOfTemplate,
}
