using SpmdDbrx.Model.Chat.Jinja;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Model.Chat;

/// <summary>How a model wants a conversation written: its own Jinja template, or ChatML where it has none but the tokens for it.</summary>
public sealed class ChatTemplate
{
    // Enough for a template that copies every message a hundred times; reached in about a second.
    private const long BaseBudget = 10_000_000;
    private const long BudgetOfCharacter = 100;

    private const string ChatMl =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private readonly JinjaTemplate template;
    private readonly IReadOnlyDictionary<string, string> namedTokens;

    internal ChatTemplate(string name, string source, IReadOnlyDictionary<string, string> namedTokens)
    {
        template = new JinjaTemplate(name, source);
        this.namedTokens = namedTokens;
    }

    /// <summary>
    /// Reads chat_template.jinja, else tokenizer_config.json's chat_template (of several the one named "default");
    /// else ChatML if the tokenizer has &lt;|im_start|&gt; and &lt;|im_end|&gt;.
    /// </summary>
    /// <exception cref="InvalidModelException">No template, or one with a construct that is not supported.</exception>
    public static ChatTemplate Load(string modelDirectory)
    {
        ChatTemplateFile file = ChatTemplateFile.Read(modelDirectory);
        IReadOnlyDictionary<string, string> namedTokens = TokenizerConfig.Read(modelDirectory).NamedTokens;
        if (file.Source is { } source)
            return new ChatTemplate(file.Name, source, namedTokens);
        Tokenizer tokenizer = Tokenizer.Load(modelDirectory);
        if (tokenizer.SpecialToken("<|im_start|>") is null || tokenizer.SpecialToken("<|im_end|>") is null)
            throw new InvalidModelException($"{file.Name}: expected a chat template or the special tokens <|im_start|> and <|im_end|>, found neither: the model is not made for chat");
        return new ChatTemplate("ChatML", ChatMl, namedTokens);
    }

    /// <summary>The conversation as the text that the model was trained on; encode it with special tokens parsed.</summary>
    /// <param name="messages">In order; a system message, if any, first. Without one the template's own default applies.</param>
    /// <param name="addGenerationPrompt">Whether the text ends where the assistant's answer starts.</param>
    /// <exception cref="ChatTemplateException">The template refuses these messages.</exception>
    /// <exception cref="InvalidModelException">The template does what is not supported, or does not end.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        var variables = namedTokens.ToDictionary(token => token.Key, token => (object?)token.Value);
        variables["messages"] = messages.Select(message => (object?)new JinjaMap { ["role"] = message.Role, ["content"] = message.Content }).ToList();
        variables["add_generation_prompt"] = addGenerationPrompt;
        long characters = messages.Sum(message => (long)message.Content.Length);
        try
        {
            return template.Render(variables, BaseBudget + BudgetOfCharacter * characters);
        }
        catch (JinjaRaisedException refusal)
        {
            throw new ChatTemplateException($"the model's chat template refuses these messages: {refusal.Message}", refusal);
        }
    }
}
