using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>A token that is found in the text itself, before any pre-tokenizing.</summary>
/// <param name="Content">The text it stands for; not empty.</param>
/// <param name="Id">Its id.</param>
/// <param name="IsSpecial">Whether it is markup (&lt;|im_start|&gt;) rather than text.</param>
/// <param name="TakesSpaceBefore">Whether white space before it becomes part of it (lstrip).</param>
/// <param name="TakesSpaceAfter">Whether white space after it becomes part of it (rstrip).</param>
/// <param name="IsWholeWord">Whether it counts only between characters that are no letters, digits or underscores (single_word).</param>
internal sealed record AddedToken(
    string Content, int Id, bool IsSpecial, bool TakesSpaceBefore, bool TakesSpaceAfter, bool IsWholeWord)
{
    private const int LongestContent = 512;

    /// <summary>Reads an entry of tokenizer.json's added_tokens or of tokenizer_config.json's added_tokens_decoder.</summary>
    /// <exception cref="InvalidModelException">The content is empty or far longer than any real one, or a flag is no flag.</exception>
    public static AddedToken Read(JsonFields token, int id)
    {
        string content = token.RequiredText("content");
        if (content.Length is 0 or > LongestContent)
            throw token.Wrong("content", $"a text of 1 to {LongestContent} characters");
        return new AddedToken(
            content, id,
            IsSpecial: token.Boolean("special", absent: false),
            TakesSpaceBefore: token.Boolean("lstrip", absent: false),
            TakesSpaceAfter: token.Boolean("rstrip", absent: false),
            IsWholeWord: token.Boolean("single_word", absent: false));
    }
}
