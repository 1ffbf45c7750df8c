using System.Text;
using System.Text.Json;
using SpmdDbrx.Engine.Performance.Reports;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class ReportTableTests
{
    private static ReportTable Sample()
    {
        ReportTable table = new("Speeds", "network", "nodes", "tok/s");
        table.Add("10 GbE, \"slow\"", 2, 9.7);
        table.Add("fast|er", 16, 16.25);
        return table;
    }

    [Fact]
    public void ToText_TextsLeftNumbersRight() => Assert.Equal(
        "Speeds\n"
        + "  network         nodes  tok/s\n"
        + "  ──────────────  ─────  ─────\n"
        + "  10 GbE, \"slow\"      2    9.7\n"
        + "  fast|er            16  16.25\n", Sample().ToText());

    [Fact]
    public void ToMarkdown_EscapesBars() => Assert.Equal(
        "### Speeds\n\n| network | nodes | tok/s |\n| --- | ---: | ---: |\n| 10 GbE, \"slow\" | 2 | 9.7 |\n| fast\\|er | 16 | 16.25 |\n", Sample().ToMarkdown());

    [Fact]
    public void ToCsv_QuotesWhatNeedsIt() => Assert.Equal(
        "network,nodes,tok/s\n\"10 GbE, \"\"slow\"\"\",2,9.7\nfast|er,16,16.25\n", Sample().ToCsv());

    [Fact]
    public void WriteJson_NumbersStayNumbers()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
            Sample().WriteJson(writer);
        using JsonDocument document = JsonDocument.Parse(Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Equal(16.25, document.RootElement[1].GetProperty("tok/s").GetDouble());
        Assert.Equal("10 GbE, \"slow\"", document.RootElement[0].GetProperty("network").GetString());
    }

    [Fact]
    public void Add_WrongNumberOfCells_Throws() => Assert.Throws<ArgumentException>(() => Sample().Add(1));
}
