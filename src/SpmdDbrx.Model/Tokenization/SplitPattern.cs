using System.Diagnostics.CodeAnalysis;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Chooses how a pre-tokenizer pattern runs: the known ones as linear scans, others as a .NET regular expression.</summary>
internal static class SplitPattern
{
    /// <summary>The pattern of cl100k_base, DBRX and Llama 3.</summary>
    public const string Cl100k =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>As tiktoken writes it now, with possessive quantifiers and white space at the end whole.</summary>
    public const string TiktokenCl100k =
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";

    /// <summary>Qwen's: cl100k's with every digit alone.</summary>
    public const string Qwen =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>GPT-2's.</summary>
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>A splitter for a regular expression in the reference's dialect (Oniguruma's).</summary>
    /// <param name="pattern">The expression.</param>
    /// <param name="keepMatches">Whether matches become pieces.</param>
    /// <param name="keepGaps">Whether the text between matches becomes pieces.</param>
    /// <param name="splitter">The splitter.</param>
    /// <param name="reason">Why there is none.</param>
    public static bool TryCreate(
        string pattern, bool keepMatches, bool keepGaps, [NotNullWhen(true)] out IPieceSplitter? splitter, [NotNullWhen(false)] out string? reason)
    {
        // A known pattern matches every character, so there are no gaps to keep or drop.
        splitter = keepMatches ? Scanner(pattern) : null;
        reason = null;
        if (splitter is not null)
            return true;
        try
        {
            splitter = new RegexSplitter(OnigurumaPattern.Translate(pattern), keepMatches, keepGaps);
            return true;
        }
        catch (ArgumentException error)
        {
            reason = error.Message;
            return false;
        }
    }

    private static IPieceSplitter? Scanner(string pattern) => pattern switch
    {
        Cl100k => new Cl100kSplitter(longestNumber: 3, spaceAtEndIsWhole: false),
        TiktokenCl100k => new Cl100kSplitter(longestNumber: 3, spaceAtEndIsWhole: true),
        Qwen => new Cl100kSplitter(longestNumber: 1, spaceAtEndIsWhole: false),
        Gpt2 => new Gpt2Splitter(),
        _ => null,
    };
}
