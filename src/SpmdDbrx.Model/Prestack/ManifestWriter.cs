using System.Text;
using System.Text.Json;
using SpmdDbrx.Model.Safetensors;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Writes a manifest for people too: one line a file, one line a section, nothing that differs between two runs on the same checkpoint.</summary>
internal static class ManifestWriter
{
    /// <summary>The sealed text.</summary>
    /// <param name="config">The checkpoint's config.json, kept as it is.</param>
    /// <param name="files">Weight files in the order of their sections, then the copied files.</param>
    /// <param name="sections">All sections with their hashes.</param>
    public static byte[] Write(JsonElement config, IReadOnlyList<Manifest.HashedFile> files, IReadOnlyList<Manifest.HashedSection> sections)
    {
        StringBuilder text = new();
        text.Append($"{{\n  \"format\": \"{Manifest.Format}\",\n  \"version\": {Manifest.Version},\n  \"config\": {config.GetRawText()},\n  \"files\": [\n");
        text.AppendJoin(",\n", files.Select(Line));
        text.Append("\n  ],\n  \"sections\": [\n");
        text.AppendJoin(",\n", sections.Select(Line));
        text.Append("\n  ],");
        byte[] body = Encoding.UTF8.GetBytes(text.ToString());
        return [.. body, .. ManifestSeal.For(body)];
    }

    private static string Line(Manifest.HashedFile file) =>
        $"    {{\"file\": \"{JsonEncodedText.Encode(file.Name)}\", \"bytes\": {file.Bytes}, \"xxh3_128\": \"{Hex.Of(file.Hash)}\"}}";

    private static string Line(Manifest.HashedSection hashed)
    {
        Section section = hashed.Section;
        string types = string.Join(", ", section.Types.Select(type => $"\"{SafetensorsType.Name(type)}\""));
        return $"    {{\"name\": \"{section.Name}\", \"file\": \"{section.File}\", \"offset\": {section.Offset}, \"bytes\": {section.Bytes}, "
            + $"\"rows\": {section.Rows}, \"columns\": {section.Columns}, \"strips\": {section.StripCount}, \"types\": [{types}], \"xxh3_64\": \"{Hex.Of(hashed.Hash)}\"}}";
    }
}
