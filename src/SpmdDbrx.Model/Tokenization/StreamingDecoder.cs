using System.Text;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// Turns tokens into text as they come. A character whose bytes are spread over tokens appears with its last byte, so no string holds
/// half a character; U+FFFD stands only for bytes that no later token could have completed.
/// The strings of <see cref="Append"/> and <see cref="Flush"/> joined are <see cref="Tokenizer.Decode"/> of the tokens.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer tokenizer;
    private readonly bool skipSpecialTokens;
    private readonly Decoder utf8 = Encoding.UTF8.GetDecoder();

    /// <param name="tokenizer">Whose tokens.</param>
    /// <param name="skipSpecialTokens">Whether special tokens (&lt;|im_end|&gt;) are left out of the text.</param>
    public StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens = false)
    {
        this.tokenizer = tokenizer;
        this.skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>The text that is certain now; may be empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public string Append(int token) => Decode(tokenizer.TokenBytes(token, skipSpecialTokens), flush: false);

    /// <summary>The end: U+FFFD if the last character is incomplete, else nothing. The decoder is ready for a new text.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        char[] characters = new char[utf8.GetCharCount(bytes, flush)];
        int count = utf8.GetChars(bytes, characters, flush);
        return new string(characters, 0, count);
    }
}
