namespace SpmdDbrx.Model.Chat;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">"system", "user" or "assistant", or what else the model's template knows.</param>
/// <param name="Content">The text.</param>
public sealed record ChatMessage(string Role, string Content);
