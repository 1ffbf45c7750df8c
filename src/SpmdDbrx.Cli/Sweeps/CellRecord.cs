using System.Globalization;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>What became of a cell: one line of a sweep's raw results.</summary>
/// <param name="Key">The cell's key.</param>
/// <param name="Json">The whole line.</param>
internal sealed record CellRecord(string Key, JsonObject Json)
{
    /// <summary>Commit of the program that measured.</summary>
    public string Commit => Json["commit"]!.GetValue<string>();

    /// <summary>Processor, cores and system of the machine that started the job.</summary>
    public string Machine => Json["machine"]!.GetValue<string>();

    /// <summary>When the job started, UTC.</summary>
    public string Started => Json["started"]!.GetValue<string>();

    /// <summary>How long the job took, start-up included.</summary>
    public double Seconds => Json["seconds"]!.GetValue<double>();

    /// <summary>The job's words.</summary>
    public string Command => Json["command"]!.GetValue<string>();

    /// <summary>Layers of the model.</summary>
    public int Layers => Json["layers"]!.GetValue<int>();

    /// <summary>Experts that the busiest node was expected to run in a layer for one token.</summary>
    public double ExpectedExperts => Json["expected_experts_layer"]!.GetValue<double>();

    /// <summary>Why there is no result; null if there is one.</summary>
    public string? Error => Json["error"]?.GetValue<string>();

    /// <summary>Prompt processing; null if it was not measured.</summary>
    public BenchFigures? Prompt => Row("pp");

    /// <summary>Generation; null if it was not measured.</summary>
    public BenchFigures? Generation => Row("tg");

    /// <summary>The record of a job that has ended.</summary>
    public static CellRecord Of(
        SweepCell cell, string machine, string command, int layers, double expectedExperts, DateTime started, TimeSpan duration, JsonArray? rows, string? error)
    {
        JsonObject json = new()
        {
            ["cell"] = cell.ToJson(),
            ["commit"] = ProgramVersion.Commit,
            ["machine"] = machine,
            ["started"] = started.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
            ["seconds"] = Math.Round(duration.TotalSeconds, 1),
            ["command"] = command,
            ["layers"] = layers,
            ["expected_experts_layer"] = Math.Round(expectedExperts, 4),
        };
        if (error is null)
            json["rows"] = rows;
        else
            json["error"] = error;
        return new CellRecord(cell.Key, json);
    }

    /// <summary>Reads a line; null if it is no record of a cell.</summary>
    public static CellRecord? Parse(JsonNode? line)
    {
        if (line is not JsonObject json || json["cell"] is not JsonObject cell || json["commit"] is null || (json["rows"] is null) == (json["error"] is null))
            return null;
        return new CellRecord(cell.ToJsonString(), json);
    }

    private BenchFigures? Row(string test) =>
        Json["rows"]?.AsArray().OfType<JsonObject>().FirstOrDefault(row => row["test"]!.GetValue<string>().StartsWith(test, StringComparison.Ordinal)) is { } row
            ? new BenchFigures(row)
            : null;
}
