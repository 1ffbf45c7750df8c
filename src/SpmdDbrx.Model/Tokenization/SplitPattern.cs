using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Chooses how a pre-tokenizer pattern runs: the known ones as linear scans, others as a .NET regular expression.</summary>
internal static class SplitPattern
{
    /// <summary>The pattern of cl100k_base, DBRX and Llama 3.</summary>
    public const string Cl100k =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The same pieces as tiktoken writes it, with possessive quantifiers.</summary>
    public const string Cl100kPossessive =
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";

    /// <summary>Qwen's: cl100k's with every digit alone.</summary>
    public const string Qwen =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>GPT-2's.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <exception cref="InvalidModelException">.NET cannot run the pattern as the reference does.</exception>
    public static IPieceSplitter Read(JsonFields pattern, bool keepMatches, bool keepGaps)
    {
        // The known patterns match every character, so what happens to gaps does not matter; dropping matches would drop the text.
        IPieceSplitter? scanner = keepMatches ? Scanner(pattern.RequiredText("Regex")) : null;
        return scanner ?? throw pattern.Wrong("Regex", "a known pattern");
    }

    private static IPieceSplitter? Scanner(string pattern) => pattern switch
    {
        Cl100k or Cl100kPossessive => new Cl100kSplitter(longestNumber: 3),
        Qwen => new Cl100kSplitter(longestNumber: 1),
        Gpt2 => new Gpt2Splitter(),
        _ => null,
    };
}
