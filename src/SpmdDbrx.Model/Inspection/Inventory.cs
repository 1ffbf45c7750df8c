using System.Text.Json;
using System.Text.Json.Serialization;
using SpmdDbrx.Model.Safetensors;

namespace SpmdDbrx.Model.Inspection;

/// <summary>What is in a model directory, and what it takes to run it.</summary>
/// <param name="Path">The directory.</param>
/// <param name="Kind">"prestacked" or "checkpoint".</param>
/// <param name="Fingerprint">See <see cref="ModelDirectory.Fingerprint"/>.</param>
/// <param name="Config">Sizes and constants.</param>
/// <param name="WeightTypes">All stored types, e.g. BF16.</param>
/// <param name="Parameters">All weights.</param>
/// <param name="ActiveParameters">Weights that one token uses: all but the experts that were not chosen.</param>
/// <param name="Bytes">Bytes by part.</param>
/// <param name="Files">Files with weights.</param>
/// <param name="MissingFiles">Those that are not on this machine.</param>
/// <param name="Memory">What a rank holds, for some numbers of ranks.</param>
public sealed record Inventory(
    string Path, string Kind, string Fingerprint, ModelConfig Config, IReadOnlyList<string> WeightTypes,
    long Parameters, long ActiveParameters, PartBytes Bytes,
    IReadOnlyList<WeightFile> Files, IReadOnlyList<string> MissingFiles, IReadOnlyList<RankMemory> Memory)
{
    private const int LongListedRanks = 8;

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>Takes stock of a directory of either kind; only headers are read.</summary>
    public static Inventory Of(ModelDirectory model)
    {
        ModelConfig config = model.Config;
        PartBytes bytes = PartBytes.Of(model);
        long expertParameters = 3L * config.LayerCount * config.ExpertCount * config.ExpertHiddenDim * config.HiddenDim;
        long sharedParameters = model.SharedWeights().Sum(matrix => (long)matrix.Rows * matrix.Columns);
        IEnumerable<Compute.ElementType> types = model.SharedWeights().Select(matrix => matrix.Type)
            .Concat(Enumerable.Range(0, config.LayerCount).Select(layer => model.Expert(layer, 0)).SelectMany(expert => new[] { expert.W1.Type, expert.V1.Type, expert.W2.Type }));
        return new Inventory(
            model.Path, model.IsPrestacked ? "prestacked" : "checkpoint", model.Fingerprint, config,
            [.. types.Distinct().Select(SafetensorsType.Name).Order(StringComparer.Ordinal)],
            sharedParameters + expertParameters, sharedParameters + (expertParameters / config.ExpertCount * config.TopK), bytes,
            model.WeightFiles, [.. model.WeightFiles.Select(file => file.Name).Where(file => !File.Exists(System.IO.Path.Combine(model.Path, file)))],
            [.. RankCounts(config.ExpertCount).Select(ranks => RankMemory.Of(bytes, config.ExpertCount, ranks))]);
    }

    /// <summary>The whole inventory as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonOptions);

    private static IEnumerable<int> RankCounts(int experts) =>
        Enumerable.Range(1, Math.Min(experts, LongListedRanks)).Append(experts).Distinct();
}
