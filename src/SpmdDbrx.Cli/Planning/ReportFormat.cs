using System.CommandLine;
using System.Text;
using System.Text.Json;
using SpmdDbrx.Engine.Performance.Reports;

namespace SpmdDbrx.Cli.Planning;

/// <summary>The form in which tables are printed.</summary>
internal static class ReportFormat
{
    /// <summary>The --format option.</summary>
    public static Option<string> Option(Settings settings)
    {
        Option<string> format = settings.Option("--format", "table", "how to print: table, markdown, csv or json", "FORM");
        format.RequireOneOf("table", "markdown", "csv", "json");
        return format;
    }

    /// <summary>Prints tables on standard output; JSON is one object with a field for each table.</summary>
    public static void Print(string format, IReadOnlyList<(string Name, ReportTable Table)> tables)
    {
        if (format == "json")
        {
            Console.Out.WriteLine(ToJson(tables));
            return;
        }
        foreach ((string _, ReportTable table) in tables)
        {
            Console.Out.WriteLine(format switch
            {
                "markdown" => table.ToMarkdown(),
                "csv" => table.ToCsv(),
                _ => table.ToText(),
            });
        }
    }

    private static string ToJson(IReadOnlyList<(string Name, ReportTable Table)> tables)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            foreach ((string name, ReportTable table) in tables)
            {
                writer.WritePropertyName(name);
                table.WriteJson(writer);
            }
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
