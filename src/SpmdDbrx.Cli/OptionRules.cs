using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace SpmdDbrx.Cli;

/// <summary>Values that options accept, checked while parsing; every error names the option, what it expects and what it found.</summary>
internal static class OptionRules
{
    /// <summary>Refuses smaller values.</summary>
    public static void RequireAtLeast(this Option<int> option, int least) => RequireNumberAtLeast(option, least);

    /// <summary>Refuses smaller values; an absent one is accepted.</summary>
    public static void RequireAtLeast(this Option<int?> option, int least) => RequireNumberAtLeast(option, least);

    /// <summary>Refuses values outside a range.</summary>
    public static void RequireWithin(this Option<double> option, double least, double most) => option.Validators.Add(result =>
    {
        if (Given(result) is string text && !(double.TryParse(text, CultureInfo.InvariantCulture, out double value) && value >= least && value <= most))
            result.AddError($"{option.Name}: expected {least} to {most}, found {text}");
    });

    /// <summary>Refuses everything but these words.</summary>
    public static void RequireOneOf<T>(this Option<T> option, params string[] words)
    {
        option.CompletionSources.Add(words);
        option.Validators.Add(result =>
        {
            if (Given(result) is string text && !words.Contains(text))
                result.AddError($"{option.Name}: expected {string.Join(" or ", words)}, found {text}");
        });
    }

    private static void RequireNumberAtLeast(Option option, int least) => option.Validators.Add(result =>
    {
        if (Given(result) is string text && !(int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least))
            result.AddError($"{option.Name}: expected a whole number, at least {least}, found {text}");
    });

    // The tokens, not the value: asking for the value of a token that does not parse throws.
    private static string? Given(OptionResult result) => result.Tokens is [.., Token last] ? last.Value : null;
}
