using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Cli.Generation;

/// <summary>What <c>generate</c> tells about one text: the JSON object of the command line contract, and a table for people.</summary>
internal sealed class GenerationReport(
    RankSession session, ModelOptions options, IReadOnlyList<int> prompt, GenerationResult result, double loadSeconds,
    IReadOnlyList<long> residentBytesPerRank, ulong seed)
{
    // Prompts and texts are for people and programs, not for HTML: no \u escapes of é or 東.
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Of means: the shares of ranks that run experts together are thirds and the like.
    private const int Decimals = 6;

    /// <summary>The text.</summary>
    public GenerationResult Result => result;

    // With at most one token there are no decode steps; the counters of the prompt still tell the strategy's nature.
    private PhaseStatistics Counted => result.Decode.Layers > 0 ? result.Decode : result.Prompt;

    private double PerToken(double seconds) => result.Decode.Tokens == 0 ? 0 : seconds / result.Decode.Tokens;

    private static double Rate(in PhaseStatistics phase) => phase.Tokens == 0 ? 0 : phase.Tokens / phase.Seconds;

    /// <summary>One line of JSON.</summary>
    public string ToJson()
    {
        PhaseStatistics decode = result.Decode;
        JsonObject report = new()
        {
            ["model"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(session.Model.Path))),
            ["architecture"] = session.Model.Config.Architecture,
            ["ranks"] = session.World.Size,
            ["strategy"] = options.StrategyName,
            ["device"] = session.Device.Name,
            ["partition"] = session.Options.Partition == Partition.Slices ? "slices" : "experts",
            ["placement"] = session.PlacementName,
            ["deterministic"] = session.Options.Deterministic,
            ["seed"] = seed,
            ["prompt_tokens"] = Array(prompt),
            ["tokens"] = Array(result.Tokens),
            ["text"] = result.Text,
            ["finish_reason"] = result.FinishReason == FinishReason.Stop ? "stop" : "length",
            ["timings"] = new JsonObject
            {
                ["load_s"] = loadSeconds,
                ["prompt_s"] = result.Prompt.Seconds,
                ["prompt_tokens_per_s"] = Rate(result.Prompt),
                ["tokens_per_s"] = Rate(decode),
                ["s_per_token"] = PerToken(decode.Seconds),
                ["moe_s_per_token"] = PerToken(decode.ExpertSeconds),
                ["comm_s_per_token"] = PerToken(decode.CommunicationSeconds),
                ["misc_s_per_token"] = PerToken(decode.MiscSeconds),
                ["experts_per_layer"] = Math.Round(Counted.BusiestRankExperts / Counted.Layers, Decimals),
                ["experts_per_layer_this_rank"] = Math.Round(Counted.OwnExperts / Counted.Layers, Decimals),
                ["allreduces_per_layer"] = (double)Counted.Allreduces / Counted.Layers,
                ["communications_per_layer"] = (double)Counted.Collectives / Counted.Layers,
                ["bytes_per_layer"] = (double)Counted.PayloadBytes / Counted.Layers,
                ["resident_bytes_per_rank"] = new JsonArray([.. residentBytesPerRank.Select(bytes => (JsonNode)bytes)]),
            },
        };
        return report.ToJsonString(Readable);
    }

    /// <summary>The timing table.</summary>
    public void WriteTable(TextWriter writer)
    {
        PhaseStatistics decode = result.Decode;
        string threads = session.Device.Description;
        writer.WriteLine();
        writer.WriteLine($"{session.World.Size} {(session.World.Size == 1 ? "rank" : "ranks")} · {options.StrategyName} · {threads} · load {loadSeconds:F2} s");
        writer.WriteLine("phase     tokens    tok/s   s/token       MoE     comm.     misc.  experts/layer  all-reduces/layer");
        WriteRow(writer, "prompt", result.Prompt);
        WriteRow(writer, "generate", decode);
        writer.WriteLine($"resident MB per rank: {string.Join(' ', residentBytesPerRank.Select(bytes => $"{bytes / 1e6:F1}"))}");
    }

    private static void WriteRow(TextWriter writer, string name, in PhaseStatistics phase)
    {
        if (phase.Tokens == 0)
            return;
        double tokens = phase.Tokens;
        writer.WriteLine(
            $"{name,-8}{phase.Tokens,8}{Rate(phase),9:F1}{phase.Seconds / tokens,10:F6}{phase.ExpertSeconds / tokens,10:F6}"
            + $"{phase.CommunicationSeconds / tokens,10:F6}{phase.MiscSeconds / tokens,10:F6}"
            + $"{phase.BusiestRankExperts / phase.Layers,15:F3}{(double)phase.Allreduces / phase.Layers,19:F2}");
    }

    private static JsonArray Array(IEnumerable<int> tokens) => new([.. tokens.Select(token => (JsonNode)token)]);
}
