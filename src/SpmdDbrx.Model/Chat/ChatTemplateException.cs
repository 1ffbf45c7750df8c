namespace SpmdDbrx.Model.Chat;

/// <summary>The model's chat template refuses these messages, for instance because roles do not alternate. The message is the template's.</summary>
public sealed class ChatTemplateException : Exception
{
    public ChatTemplateException(string message) : base(message) { }

    public ChatTemplateException(string message, Exception inner) : base(message, inner) { }
}
