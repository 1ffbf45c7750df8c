using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance;

/// <summary>What [P1] prints, read from the one file that holds it (Performance/Data/paper/p1.json).</summary>
public sealed record PaperFigures
{
    /// <summary>A row of Table 6: Eq. 1 evaluated, cells as printed.</summary>
    public sealed record BoundRow(int Nodes, double ExpertsPerLayer, string[] Cells);

    /// <summary>A bar of Figure 8: two nodes and another network.</summary>
    public sealed record NetworkRow(string Network, string TokensPerSecond);

    /// <summary>A row of Table 5.</summary>
    public sealed record CostRow(string System, int Nodes, double PriceUsd, double TokensPerSecond, string TokensPerSecondPerUsd);

    /// <summary>A row of Tables 3 and 4: measured seconds a generated token, and prompt tokens a second.</summary>
    public sealed record MeasuredRow(
        string Strategy, int Nodes, double SecondsPerToken, double Moe, double Communication, double Misc, double PromptTokensPerSecond);

    /// <summary>Columns of <see cref="Table6"/>.</summary>
    public required string[] Table6Columns { get; init; }

    /// <summary>Table 6.</summary>
    public required BoundRow[] Table6 { get; init; }

    /// <summary>Figure 8.</summary>
    public required NetworkRow[] Figure8 { get; init; }

    /// <summary>Table 5.</summary>
    public required CostRow[] Table5 { get; init; }

    /// <summary>Table 5's conclusion: how many times more tokens/s a dollar buys.</summary>
    public required string Table5Advantage { get; init; }

    /// <summary>Tables 3 and 4.</summary>
    public required MeasuredRow[] Tables3And4 { get; init; }

    /// <summary>Reads the file.</summary>
    /// <exception cref="InvalidInputException">It is missing or damaged.</exception>
    public static PaperFigures Load()
    {
        JsonField top = JsonField.Read(Path.Combine(Catalogue.Folder, "paper", "p1.json"));
        return new PaperFigures
        {
            Table6Columns = [.. top["table_6"]["columns"].Items().Select(column => column.Text())],
            Table6 = [.. Rows(top["table_6"]).Select(row => new BoundRow(
                row["nodes"].Integer(1, 1_000), row["experts_per_layer"].Number(0, 1_000, "experts"), [.. row["cells"].Items().Select(cell => cell.Text())]))],
            Figure8 = [.. Rows(top["figure_8"]).Select(row => new NetworkRow(row["network"].Text(), row["tokens_per_s"].Text()))],
            Table5 = [.. Rows(top["table_5"]).Select(row => new CostRow(
                row["system"].Text(), row["nodes"].Integer(1, 1_000), row["price_usd"].Number(0, 1e9, "USD a node"),
                row["tokens_per_s"].Number(0, 1e6, "tokens/s"), row["tokens_per_s_per_usd"].Text()))],
            Table5Advantage = top["table_5"]["advantage"].Text(),
            Tables3And4 = [.. Rows(top["tables_3_and_4"]).Select(row => new MeasuredRow(
                row["strategy"].Text(), row["nodes"].Integer(1, 1_000), Seconds(row, "s_per_token"), Seconds(row, "moe"), Seconds(row, "comm"), Seconds(row, "misc"),
                row["prompt_tokens_per_s"].Number(0, 1e6, "tokens/s")))],
        };
    }

    private static JsonField[] Rows(JsonField table) => table["rows"].Items();

    private static double Seconds(JsonField row, string name) => row[name].Number(0, 1_000, "s");
}
