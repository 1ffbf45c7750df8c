using System.Text;
using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Synthetic;

namespace SpmdDbrx.Tests.Model;

/// <summary>Checkpoints of any size whose weights are holes of the file system.</summary>
internal static class SparseCheckpoint
{
    /// <summary>Writes the header of a checkpoint with the sizes of <paramref name="config"/> and a file as long as it says.</summary>
    public static string Write(string directory, ModelConfig config)
    {
        // The small checkpoint gives names and file layout; only the sizes are other ones.
        SyntheticCheckpoint.Write(SmallCheckpoint.Config, directory, new SyntheticOptions { Threads = 1 });
        JsonObject root = JsonNode.Parse(File.ReadAllText(Path.Combine(directory, "config.json")))!.AsObject();
        root["d_model"] = config.HiddenDim;
        root["n_heads"] = config.HeadCount;
        root["vocab_size"] = config.VocabularySize;
        root["ffn_config"]!["ffn_hidden_size"] = config.ExpertHiddenDim;
        File.WriteAllText(Path.Combine(directory, "config.json"), root.ToJsonString());

        string path = Path.Combine(directory, "model.safetensors");
        (JsonObject header, _) = Safetensors.SafetensorsSurgery.Read(path);
        long offset = 0;
        foreach ((string name, JsonNode? tensor) in header.Where(entry => entry.Key != "__metadata__"))
        {
            long[] shape = Shape(config, name);
            long end = offset + (2 * shape.Aggregate(1L, (product, size) => product * size));
            tensor!["shape"] = new JsonArray([.. shape.Select(size => JsonValue.Create(size))]);
            tensor["data_offsets"] = new JsonArray(offset, end);
            offset = end;
        }
        byte[] text = Encoding.UTF8.GetBytes(header.ToJsonString());
        using FileStream stream = File.Create(path);
        stream.Write(BitConverter.GetBytes((long)text.Length));
        stream.Write(text);
        stream.SetLength(8 + text.Length + offset);
        return directory;
    }

    private static long[] Shape(ModelConfig config, string name) => name.Split('.')[^1] switch
    {
        _ when name.Contains("norm_1", StringComparison.Ordinal) || name.Contains("norm_2", StringComparison.Ordinal) || name.Contains("norm_f", StringComparison.Ordinal) => [config.HiddenDim],
        _ when name.Contains("Wqkv", StringComparison.Ordinal) => [config.Attention.QkvDim, config.HiddenDim],
        _ when name.Contains("out_proj", StringComparison.Ordinal) => [config.HiddenDim, config.HiddenDim],
        _ when name.Contains("router", StringComparison.Ordinal) => [config.ExpertCount, config.HiddenDim],
        "w1" or "v1" or "w2" => [(long)config.ExpertCount * config.ExpertHiddenDim, config.HiddenDim],
        _ => [config.VocabularySize, config.HiddenDim],
    };
}
