namespace SpmdDbrx.Model.Tokenization;

/// <summary>A token that is found in the text itself, before any pre-tokenizing (added_tokens, added_tokens_decoder).</summary>
/// <param name="Content">The text it stands for; not empty.</param>
/// <param name="Id">Its id.</param>
/// <param name="IsSpecial">Whether it is markup (&lt;|im_start|&gt;) rather than text.</param>
/// <param name="TakesSpaceBefore">Whether white space before it becomes part of it (lstrip).</param>
/// <param name="TakesSpaceAfter">Whether white space after it becomes part of it (rstrip).</param>
/// <param name="IsWholeWord">Whether it counts only between characters that are no letters, digits or underscores (single_word).</param>
internal sealed record AddedToken(
    string Content, int Id, bool IsSpecial, bool TakesSpaceBefore, bool TakesSpaceAfter, bool IsWholeWord);
