using System.Globalization;
using System.Text;
using System.Text.Json;

namespace SpmdDbrx.Engine.Performance.Reports;

/// <summary>A small table that prints itself as aligned text, Markdown, CSV or JSON.</summary>
public sealed class ReportTable
{
    private readonly List<string[]> rows = [];

    /// <param name="title">One line above it.</param>
    /// <param name="columns">Headings.</param>
    public ReportTable(string title, params string[] columns)
    {
        Title = title;
        Columns = columns;
    }

    /// <summary>One line above it.</summary>
    public string Title { get; }

    /// <summary>Headings.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>Cells, row by row.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Rows => rows;

    /// <summary>Adds a row: texts as they are, numbers as the culture-free shortest form.</summary>
    public void Add(params object?[] cells)
    {
        if (cells.Length != Columns.Count)
            throw new ArgumentException($"row of '{Title}': expected {Columns.Count} cells, found {cells.Length}", nameof(cells));
        rows.Add([.. cells.Select(cell => Convert.ToString(cell, CultureInfo.InvariantCulture) ?? "")]);
    }

    /// <summary>For a terminal: columns aligned, numbers to the right.</summary>
    public string ToText()
    {
        int[] widths = [.. Columns.Select((column, index) => rows.Select(row => row[index].Length).Append(column.Length).Max())];
        StringBuilder text = new StringBuilder().Append(Title).Append('\n');
        AppendAligned(text, [.. Columns], widths);
        text.Append("  ").AppendJoin("  ", widths.Select(width => new string('─', width))).Append('\n');
        foreach (string[] row in rows)
            AppendAligned(text, row, widths);
        return text.ToString();
    }

    /// <summary>For reports: a heading and a Markdown table.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new StringBuilder().Append("### ").Append(Title).Append("\n\n| ").AppendJoin(" | ", Columns).Append(" |\n|");
        text.Append(string.Concat(Columns.Select((_, index) => IsNumeric(index) ? " ---: |" : " --- |"))).Append('\n');
        foreach (string[] row in rows)
            text.Append("| ").AppendJoin(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
        return text.ToString();
    }

    /// <summary>For spreadsheets: RFC 4180, the title left out.</summary>
    public string ToCsv()
    {
        StringBuilder text = new();
        foreach (IEnumerable<string> row in rows.Prepend([.. Columns]))
            text.AppendJoin(',', row.Select(Quote)).Append('\n');
        return text.ToString();
    }

    /// <summary>For programs: an array of objects, one a row; cells that are numbers become numbers.</summary>
    public void WriteJson(Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        foreach (string[] row in rows)
        {
            writer.WriteStartObject();
            for (int index = 0; index < row.Length; index++)
            {
                string name = Columns[index].Replace(' ', '_');
                if (TryNumber(row[index], out double number))
                    writer.WriteNumber(name, number);
                else
                    writer.WriteString(name, row[index]);
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private void AppendAligned(StringBuilder text, string[] cells, int[] widths)
    {
        IEnumerable<string> padded = cells.Select((cell, index) => IsNumeric(index) ? cell.PadLeft(widths[index]) : cell.PadRight(widths[index]));
        text.Append("  ").Append(string.Join("  ", padded).TrimEnd()).Append('\n');
    }

    private bool IsNumeric(int column) => rows.Count > 0 && rows.All(row => row[column].Length == 0 || IsNumberLike(row[column]));

    private static bool IsNumberLike(string cell) => char.IsAsciiDigit(cell[^1]) || cell.EndsWith('%') || cell is "–" ? cell.IndexOfAny([' ', '/']) < 0 : false;

    private static bool TryNumber(string cell, out double number) =>
        double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);

    private static string Quote(string cell) =>
        cell.AsSpan().ContainsAny(",\"\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;
}
