using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SpmdDbrx.Engine.Placement;

/// <summary>The JSON file of a placement: one line a rank, so that people can read and edit it.</summary>
public static class ExpertPlacementFile
{
    /// <summary>Value of the file's "format" field.</summary>
    public const string Format = "spmd-dbrx-placement/1";

    /// <summary>Reads and checks a placement.</summary>
    /// <param name="file">Path.</param>
    /// <param name="expertCount">Experts of the model it is for; null = not known.</param>
    /// <param name="rankCount">Ranks of the world it is for; null = not known.</param>
    /// <exception cref="InvalidInputException">Names the file and the field.</exception>
    public static ExpertPlacement Load(string file, int? expertCount = null, int? rankCount = null)
    {
        JsonField top = JsonField.Read(file);
        top.AllowOnly("format", "experts", "ranks", "expected_max_load", "note");
        if (top["format"].Text() != Format)
            throw top["format"].Wrong($"\"{Format}\"");
        int experts = top["experts"].Integer(1, 65_536);
        if (expertCount is not null && experts != expertCount)
            throw top["experts"].Wrong($"{expertCount}, the model's number");
        JsonField[] ranks = top["ranks"].Items();
        if (rankCount is not null && ranks.Length != rankCount)
            throw new InvalidInputException($"{file}: ranks: expected {rankCount} lists, one per rank, found {ranks.Length}");
        int[][] expertsOfRank = [.. ranks.Select(rank => rank.Items().Select(expert => expert.Integer(0, experts - 1)).ToArray())];
        try
        {
            return new ExpertPlacement(experts, expertsOfRank);
        }
        catch (InvalidInputException exception)
        {
            throw new InvalidInputException($"{file}: {exception.Message}", exception);
        }
    }

    /// <summary>16 hexadecimal digits, equal exactly for equal placements; ranks compare it before the first token.</summary>
    public static string Fingerprint(ExpertPlacement placement) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToJson(placement)))[..8]);

    /// <summary>Writes the file's text, UTF-8, for a routing.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="placement">What to write.</param>
    /// <param name="routing">What <see cref="ExpectedMaxLoad"/> is computed over, for readers.</param>
    /// <param name="note">How it was made, for readers; the routing is added.</param>
    public static void Write(Stream stream, ExpertPlacement placement, RoutingDistribution routing, string note) =>
        stream.Write(Encoding.UTF8.GetBytes(ToJson(placement, ExpectedMaxLoad.Of(placement, routing).Mean, $"{note}, routing {routing.Description}")));

    /// <summary>The file's text.</summary>
    /// <param name="placement">What to write.</param>
    /// <param name="expectedMaxLoad">E[max load], for readers.</param>
    /// <param name="note">How it was made, for readers.</param>
    public static string ToJson(ExpertPlacement placement, double? expectedMaxLoad = null, string? note = null)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{{\n  \"format\": \"{Format}\",\n");
        if (note is not null)
            text.Append(CultureInfo.InvariantCulture, $"  \"note\": {JsonSerializer.Serialize(note)},\n");
        if (expectedMaxLoad is not null)
            text.Append(CultureInfo.InvariantCulture, $"  \"expected_max_load\": {expectedMaxLoad:0.######},\n");
        text.Append(CultureInfo.InvariantCulture, $"  \"experts\": {placement.ExpertCount},\n  \"ranks\": [\n");
        for (int rank = 0; rank < placement.RankCount; rank++)
        {
            string separator = rank + 1 < placement.RankCount ? "," : "";
            text.Append(CultureInfo.InvariantCulture, $"    [{string.Join(", ", placement.ExpertsOf(rank).ToArray())}]{separator}\n");
        }
        return text.Append("  ]\n}\n").ToString();
    }
}
