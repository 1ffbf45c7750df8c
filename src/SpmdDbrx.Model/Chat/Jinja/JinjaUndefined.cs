namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The value of what is not there: false, empty text, no elements; anything more is an error.</summary>
internal sealed record JinjaUndefined(string Name);
