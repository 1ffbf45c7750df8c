namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The template called raise_exception: it does not accept these messages.</summary>
internal sealed class JinjaRaisedException(string message) : Exception(message);
