using System.CommandLine;
using System.Globalization;

namespace SpmdDbrx.Cli.Generation;

/// <summary>How many tokens, how they are chosen and what ends them.</summary>
internal sealed record SamplingArguments(
    int MaxTokens, double Temperature, double TopP, int TopK, ulong? Seed, IReadOnlyList<string> StopTexts, bool IgnoreEos)
{
    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, SamplingArguments> AddTo(Command command, Settings settings)
    {
        Option<int> maxTokens = settings.Option("--max-tokens", 128, "most tokens to generate", "N", "-n");
        maxTokens.RequireAtLeast(0);
        Option<double> temperature = settings.Option("--temperature", 0.0, "0 = always the most probable token", "T");
        temperature.RequireWithin(0, 100);
        Option<double> topP = settings.Option("--top-p", 1.0, "only the most probable tokens whose probabilities add up to this", "P");
        topP.RequireWithin(0, 1);
        Option<int> topK = settings.Option("--top-k", 0, "only the K most probable tokens; 0 = all", "K");
        topK.RequireAtLeast(0);
        Option<string?> seed = settings.Option<string?>("--seed", null, "seed of the random numbers; drawn and reported when absent", "N");
        seed.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is string text && !TryParseSeed(text, out _))
                result.AddError($"--seed: expected a whole number from 0 to {ulong.MaxValue}, found '{text}'");
        });
        Option<string[]> stop = new("--stop") { Description = "end at this text; may be given several times", HelpName = "TEXT", DefaultValueFactory = _ => [] };
        stop.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string[]>() is { } texts && texts.Contains(""))
                result.AddError("--stop: expected a text, found an empty one");
        });
        Option<bool> ignoreEos = settings.Option("--ignore-eos", false, "go on after end-of-text tokens");
        foreach (Option option in (Option[])[maxTokens, temperature, topP, topK, seed, stop, ignoreEos])
            command.Options.Add(option);
        return parsed => new SamplingArguments(
            parsed.GetValue(maxTokens), parsed.GetValue(temperature), parsed.GetValue(topP), parsed.GetValue(topK),
            parsed.GetValue(seed) is string text && TryParseSeed(text, out ulong value) ? value : null,
            parsed.GetValue(stop) ?? [], parsed.GetValue(ignoreEos));
    }

    private static bool TryParseSeed(string text, out ulong seed) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seed);
}
