using System.CommandLine;
using System.Text.Json.Nodes;
using SpmdDbrx.Cli.Generation;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>perplexity</c>: how well the model predicts a text.</summary>
internal static class PerplexityCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new(
            "perplexity",
            "Perplexity of a text file, cut into windows of --context tokens. Each window runs alone, without BOS; its positions 1 … are predicted from the ones before.");
        Option<string> file = new("--file") { Description = "UTF-8 text, or .jsonl with one window a line: {\"text\": …} or {\"ids\": […]}", HelpName = "F", Required = true };
        Option<bool> json = settings.Option("--json", false, "print one JSON object");
        command.Options.Add(file);
        command.Options.Add(json);
        Func<ParseResult, ModelOptions> model = ModelOptions.AddTo(command, settings);
        command.SetAction(parsed => Failure.GuardRanks(() => RankProgram.Run(
            model(parsed), (session, _, _) => Run(session, parsed.GetRequiredValue(file), parsed.GetValue(json)))));
        return command;
    }

    private static int Run(RankSession session, string file, bool json)
    {
        IReadOnlyList<int[]> windows = RankZero.Broadcast(session.World, "reading the text", () => Windows.Read(file, session));
        PerplexityMeter meter = new(session);
        PerplexityResult total = default;
        using ProgressLine progress = new("perplexity", windows.Count, enabled: session.World.Rank == 0);
        foreach (int[] window in windows)
        {
            PerplexityResult result = meter.Score(window);
            total = new PerplexityResult(total.Predictions + result.Predictions, total.NegativeLogLikelihood + result.NegativeLogLikelihood);
            progress.Advance(1);
        }
        progress.Dispose();
        if (session.World.Rank == 0)
            Print(total, windows.Sum(window => (long)window.Length), windows.Count, json);
        return ExitCode.Done;
    }

    private static void Print(PerplexityResult total, long tokens, int windows, bool json)
    {
        if (json)
        {
            JsonObject report = new()
            {
                ["tokens"] = tokens,
                ["windows"] = windows,
                ["predictions"] = total.Predictions,
                ["nll_mean"] = total.Mean,
                ["perplexity"] = total.Perplexity,
            };
            Console.Out.WriteLine(report.ToJsonString());
            return;
        }
        Console.Out.WriteLine($"tokens {tokens} · windows {windows} · predictions {total.Predictions} · mean NLL {total.Mean:F6} · perplexity {total.Perplexity:F4}");
    }
}
