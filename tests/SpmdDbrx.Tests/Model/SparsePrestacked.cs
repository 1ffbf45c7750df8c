using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Tests.Model.Prestack;

namespace SpmdDbrx.Tests.Model;

/// <summary>Prestacked directories with experts of any size whose weights are holes of the file system.</summary>
internal static class SparsePrestacked
{
    /// <summary>Prestacks the small checkpoint, then stretches its experts to the hidden dim of <paramref name="config"/>.</summary>
    public static string Write(string directory, ModelConfig config)
    {
        string checkpoint = SmallCheckpoint.Write(directory + ".checkpoint");
        Prestacker.Run(checkpoint, directory, new PrestackOptions { Threads = 1 });
        long layerBytes = ((3L * 2 * config.HiddenDim * config.ExpertHiddenDim) + 16383) / 16384 * 16384;
        ManifestSurgery.Change(directory, root =>
        {
            root["config"]!["ffn_config"]!["ffn_hidden_size"] = config.ExpertHiddenDim;
            foreach (JsonNode? section in root["sections"]!.AsArray().Where(section => ((string)section!["file"]!).StartsWith("experts/", StringComparison.Ordinal)))
            {
                section!["offset"] = (long)section["offset"]! / 16384 * layerBytes;
                section["bytes"] = layerBytes;
                section["rows"] = config.ExpertHiddenDim;
            }
            foreach (JsonNode? file in root["files"]!.AsArray().Where(file => ((string)file!["file"]!).StartsWith("experts/", StringComparison.Ordinal)))
            {
                file!["bytes"] = config.LayerCount * layerBytes;
                using FileStream stream = File.OpenWrite(Path.Combine(directory, (string)file["file"]!));
                stream.SetLength(config.LayerCount * layerBytes);
            }
        });
        return directory;
    }
}
