using System.Globalization;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Cli.Benchmarks;

/// <summary>One column of a benchmark row.</summary>
/// <param name="Key">Its name in JSON: one of <see cref="BenchKey"/> where reports read it again.</param>
/// <param name="Heading">Its name in tables.</param>
/// <param name="Cell">For people; null = another cell of the Markdown table says it.</param>
/// <param name="Value">For programs: text or number, at full precision; null = not known.</param>
/// <param name="IsNumber">Whether it is a number.</param>
internal sealed record BenchColumn(string Key, string Heading, string? Cell, JsonNode? Value, bool IsNumber)
{
    /// <summary>A column of text.</summary>
    public static BenchColumn Text(string key, string heading, string value) => new(key, heading, value, value, IsNumber: false);

    /// <summary>A column of numbers.</summary>
    public static BenchColumn Number(string key, string heading, double? value, string format, string unit = "") => new(
        key, heading, value is { } known ? known.ToString(format, CultureInfo.InvariantCulture) + unit : "–", value is { } number ? number : null, IsNumber: true);
}
