namespace SpmdDbrx.Model.Tokenization;

/// <summary>What the GPT pre-tokenizer patterns tell apart: \p{L}, \p{N}, \s and the rest.</summary>
internal enum CharacterClass : byte
{
    Other,
    Letter,
    Number,
    WhiteSpace,
}
