using System.Text.Json;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Cli.Benchmarks;

/// <summary>Prints benchmark rows as they come: Markdown, CSV, JSON lines, or one JSON array at the end.</summary>
internal sealed class BenchOutput(TextWriter writer, string format)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly JsonArray all = [];
    private bool hasHeader;

    /// <summary>Prints one row, or keeps it for the array.</summary>
    public void Add(BenchRow row)
    {
        IReadOnlyList<BenchColumn> columns = row.Columns;
        switch (format)
        {
            case "json":
                all.Add(ToJson(columns));
                break;
            case "jsonl":
                writer.WriteLine(ToJson(columns).ToJsonString());
                break;
            case "csv":
                WriteHeader(string.Join(',', columns.Select(column => Quote(column.Heading))));
                writer.WriteLine(string.Join(',', columns.Select(column => Quote(column.Value?.ToString() ?? ""))));
                break;
            default:
                WriteMarkdown([.. columns.Where(column => column.Cell is not null)]);
                break;
        }
    }

    /// <summary>Prints what was kept.</summary>
    public void Complete()
    {
        if (format == "json")
            writer.WriteLine(all.ToJsonString(Indented));
    }

    private void WriteMarkdown(BenchColumn[] columns)
    {
        WriteHeader(
            $"| {string.Join(" | ", columns.Select(column => column.Heading))} |",
            $"|{string.Concat(columns.Select(column => column.IsNumber ? " ---: |" : " --- |"))}");
        writer.WriteLine($"| {string.Join(" | ", columns.Select(column => column.Cell))} |");
    }

    private void WriteHeader(params string[] lines)
    {
        if (!hasHeader)
            Array.ForEach(lines, writer.WriteLine);
        hasHeader = true;
    }

    private static JsonObject ToJson(IEnumerable<BenchColumn> columns) =>
        new(columns.Select(column => KeyValuePair.Create(column.Key, column.Value)));

    private static string Quote(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
