using System.Globalization;
using System.Text.Json;
using SpmdDbrx.Compute;
using SpmdDbrx.Model.Dbrx;
using SpmdDbrx.Model.Json;
using SpmdDbrx.Model.Safetensors;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Reads a manifest and believes only the stored types and the hashes: everything else follows from the configuration and must agree with it.</summary>
internal static class ManifestReader
{
    /// <exception cref="InvalidModelException">Damaged, of another version, or not what its configuration implies.</exception>
    public static Manifest Read(ReadOnlySpan<byte> text, string path)
    {
        UInt128 hash = ManifestSeal.Check(text, path);
        JsonFields root = JsonFile.ParseObject(text, path);
        if (root.Text("format") != Manifest.Format)
            throw root.Wrong("format", $"\"{Manifest.Format}\"");
        if (root.Integer("version", 1, int.MaxValue) != Manifest.Version)
            throw root.Wrong("version", $"{Manifest.Version}: this program reads no other; run prestack again");
        ModelConfig config = DbrxConfig.Read(root.Object("config") ?? throw root.Wrong("config", "an object"));
        List<Manifest.HashedSection> sections = ReadSections(root, config);
        List<Manifest.HashedFile> files = ReadFiles(root, config, sections);
        ElementType expertType = sections[PrestackLayout.SharedCount(config)].Section.Types[0];
        return new Manifest(config with { WeightType = expertType }, files, sections, hash);
    }

    private static List<Manifest.HashedSection> ReadSections(JsonFields root, ModelConfig config)
    {
        // The count first: the configuration alone must not make us allocate.
        long count = PrestackLayout.SectionCount(config);
        if (root.Array("sections").GetArrayLength() != count)
            throw root.Wrong("sections", $"an array of {count} sections for {config.LayerCount} layers of {config.ExpertCount} experts");
        List<JsonFields> entries = [.. root.Objects("sections")];
        List<Section> sections = PrestackLayout.Sections(config, index => ReadTypes(entries[index], PrestackLayout.MatrixCount(config, index)));
        List<Manifest.HashedSection> hashed = [];
        foreach ((JsonFields entry, Section section) in entries.Zip(sections))
        {
            RequireText(entry, "name", section.Name);
            RequireText(entry, "file", section.File);
            RequireNumber(entry, "offset", section.Offset);
            RequireNumber(entry, "bytes", section.Bytes);
            RequireNumber(entry, "rows", section.Rows);
            RequireNumber(entry, "columns", section.Columns);
            RequireNumber(entry, "strips", section.StripCount);
            hashed.Add(new Manifest.HashedSection(section, (ulong)ReadHash(entry, "xxh3_64", 16)));
        }
        return hashed;
    }

    private static ElementType[] ReadTypes(JsonFields entry, int count)
    {
        List<ElementType> types = [];
        foreach (JsonElement name in entry.Array("types").EnumerateArray())
        {
            string? text = name.ValueKind == JsonValueKind.String ? name.GetString() : null;
            types.Add(SafetensorsType.Parse(text) ?? throw entry.Wrong("types", "BF16, F16 or F32"));
        }
        return types.Count == count ? [.. types] : throw entry.Wrong("types", $"an array of {count}");
    }

    private static List<Manifest.HashedFile> ReadFiles(JsonFields root, ModelConfig config, List<Manifest.HashedSection> sections)
    {
        List<Manifest.HashedFile> files = [];
        HashSet<string> names = [];
        foreach (JsonFields entry in root.Objects("files"))
        {
            string name = entry.RequiredText("file");
            if (!names.Add(name))
                throw entry.Wrong("file", "every file once");
            files.Add(new Manifest.HashedFile(name, entry.Integer("bytes", 0, long.MaxValue), ReadHash(entry, "xxh3_128", 32)));
        }
        int weightFile = 0;
        foreach (IGrouping<string, Section> group in sections.Select(hashed => hashed.Section).GroupBy(section => section.File))
        {
            long bytes = group.Last().Offset + group.Last().Bytes;
            if (weightFile >= files.Count || files[weightFile].Name != group.Key || files[weightFile].Bytes != bytes)
                throw root.Wrong("files", $"{group.Key} of {bytes} bytes at position {weightFile} in");
            weightFile++;
        }
        if (files.Skip(weightFile).Select(file => file.Name).FirstOrDefault(name => !ModelFiles.IsPlainName(name)) is { } stray)
            throw new InvalidModelException($"{root.Source}: files: expected file names without a path, found {QuotedText.Of(stray)}");
        return files;
    }

    private static void RequireText(JsonFields entry, string field, string expected)
    {
        if (entry.Text(field) != expected)
            throw entry.Wrong(field, $"'{expected}'");
    }

    private static void RequireNumber(JsonFields entry, string field, long expected)
    {
        if (entry.Integer(field, 0, long.MaxValue) != expected)
            throw entry.Wrong(field, expected.ToString(CultureInfo.InvariantCulture));
    }

    private static UInt128 ReadHash(JsonFields entry, string field, int digits)
    {
        string text = entry.RequiredText(field);
        return text.Length == digits && UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 hash)
            ? hash
            : throw entry.Wrong(field, $"{digits} hexadecimal digits");
    }
}
