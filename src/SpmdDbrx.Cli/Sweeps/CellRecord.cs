using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using SpmdDbrx.Cli.Benchmarks;
using SpmdDbrx.Engine;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>What became of a cell: one line of a sweep's raw results. A field that is missing is an <see cref="InvalidInputException"/> that names file,
/// line and field.</summary>
internal sealed class CellRecord
{
    private readonly JsonField fields;

    private CellRecord(string key, string line, JsonField fields)
    {
        Key = key;
        Line = line;
        this.fields = fields;
    }

    /// <summary>The cell's key.</summary>
    public string Key { get; }

    /// <summary>The whole line, JSON.</summary>
    public string Line { get; }

    /// <summary>Commit of the program that measured.</summary>
    public string Commit => fields["commit"].Text();

    /// <summary>Processor, cores and system of the machine that started the job.</summary>
    public string Machine => fields["machine"].Text();

    /// <summary>When the job started, UTC.</summary>
    public string Started => fields["started"].Text();

    /// <summary>How long the job took, start-up included.</summary>
    public double Seconds => fields["seconds"].Number(0, 1e9, "s");

    /// <summary>The job's words.</summary>
    public string Command => fields["command"].Text();

    /// <summary>Layers of the model.</summary>
    public int Layers => fields["layers"].Integer(1, 1 << 20);

    /// <summary>Experts that the busiest node was expected to run in a layer for one token.</summary>
    public double ExpectedExperts => fields["expected_experts_layer"].Number(0, 1e6, "experts");

    /// <summary>Why there is no result; null if there is one.</summary>
    public string? Error => fields.Optional("error")?.Text();

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
        return Parse(cell.ToString(), json.ToJsonString())!;
    }

    /// <summary>Reads a line; null if it is no record of a cell.</summary>
    /// <param name="place">How complaints call it.</param>
    /// <param name="line">JSON.</param>
    public static CellRecord? Parse(string place, string line)
    {
        if (ParseObject(line) is not { } json || json["cell"] is not JsonObject cell || json["commit"] is null || (json["rows"] is null) == (json["error"] is null))
            return null;
        return new CellRecord(cell.ToJsonString(), line, JsonField.Parse(place, line));
    }

    private static JsonObject? ParseObject(string line)
    {
        try
        {
            return JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private BenchFigures? Row(string test)
    {
        JsonField[] rows = fields.Optional("rows")?.Items() ?? [];
        int index = Array.FindIndex(rows, row => row[BenchKey.Test].Text().StartsWith(test, StringComparison.Ordinal));
        return index < 0 ? null : new BenchFigures(rows[index]);
    }
}
