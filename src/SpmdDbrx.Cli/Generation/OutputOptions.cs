using System.CommandLine;

namespace SpmdDbrx.Cli.Generation;

/// <summary>What rank 0 writes.</summary>
/// <param name="Json">One JSON object on standard output and nothing else.</param>
/// <param name="Stream">Print text as it comes also when the output is no terminal.</param>
/// <param name="LogitsFile">Binary float32 [tokens, vocabulary] of every position.</param>
/// <param name="TraceFile">Routing trace, JSON lines.</param>
internal sealed record OutputOptions(bool Json, bool Stream, string? LogitsFile, string? TraceFile)
{
    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, OutputOptions> AddTo(Command command, Settings settings)
    {
        Option<bool> json = settings.Option("--json", false, "print one JSON object a prompt on standard output and nothing else there");
        Option<bool> stream = settings.Option("--stream", false, "print text as it comes also when the output is no terminal");
        Option<string?> logits = settings.Option<string?>("--logits", null, "write the logits of every position, float32 little-endian [tokens, vocabulary]", "F");
        Option<string?> trace = settings.Option<string?>("--trace", null, "write the routing trace, one JSON object a layer and position", "F");
        foreach (Option option in (Option[])[json, stream, logits, trace])
            command.Options.Add(option);
        return parsed => new OutputOptions(parsed.GetValue(json), parsed.GetValue(stream), parsed.GetValue(logits), parsed.GetValue(trace));
    }
}
