using System.Globalization;

namespace SpmdDbrx.Model.Inspection;

/// <summary>Prints an inventory for people.</summary>
public static class InventoryText
{
    /// <summary>Writes a few short tables.</summary>
    public static void Write(Inventory inventory, TextWriter output)
    {
        ModelConfig config = inventory.Config;
        output.WriteLine($"{inventory.Path}: {inventory.Kind}, {config.Architecture}, {string.Join(" + ", inventory.WeightTypes)}, fingerprint {inventory.Fingerprint}");
        output.WriteLine();
        Row(output, "layers", config.LayerCount);
        Row(output, "hidden dim", config.HiddenDim);
        Row(output, "heads", $"{config.HeadCount} query, {config.KvHeadCount} key/value, {config.HeadDim} features each");
        Row(output, "experts", $"{config.ExpertCount} a layer, {config.TopK} chosen, hidden dim {config.ExpertHiddenDim}");
        Row(output, "router weights", config.RouterNormalizationPower is { } power ? $"divided by their {power}-norm" : "not normalised");
        Row(output, "clip of q, k, v", config.ClipQkv is { } clip ? $"±{clip}" : "none");
        Row(output, "rope theta", config.RopeTheta);
        Row(output, "vocabulary", config.VocabularySize);
        Row(output, "context", $"{config.ContextLength} tokens");
        Row(output, "parameters", $"{inventory.Parameters:N0}, of which a token uses {inventory.ActiveParameters:N0}");
        output.WriteLine();
        WriteParts(inventory.Bytes, output);
        output.WriteLine();
        foreach (RankMemory memory in inventory.Memory)
            Row(output, $"{memory.Ranks} rank{(memory.Ranks == 1 ? "" : "s")}", $"{Size(memory.Bytes)} a rank with {memory.Experts} expert{(memory.Experts == 1 ? "" : "s")}");
        output.WriteLine();
        foreach (WeightFile file in inventory.Files)
            Row(output, file.Name, Size(file.Bytes) + (inventory.MissingFiles.Contains(file.Name) ? " (not on this machine)" : ""));
    }

    /// <summary>Bytes in the decimal unit that fits: 264.1 GB.</summary>
    public static string Size(long bytes)
    {
        string[] units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
        double value = bytes;
        int unit = 0;
        for (; value >= 999.95 && unit < units.Length - 1; unit++)
            value /= 1000;
        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 ? bytes : value):0.#} {units[unit]}");
    }

    private static void WriteParts(PartBytes bytes, TextWriter output)
    {
        Row(output, "embedding", Size(bytes.Embedding));
        Row(output, "attention", Size(bytes.Attention));
        Row(output, "norms", Size(bytes.Norms));
        Row(output, "routers", Size(bytes.Routers));
        Row(output, "experts", Size(bytes.Experts));
        Row(output, "LM head", Size(bytes.LmHead));
        Row(output, "total", $"{Size(bytes.Total)} ({bytes.Total:N0} bytes)");
    }

    private static void Row(TextWriter output, string name, object value) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-24} {value}"));
}
