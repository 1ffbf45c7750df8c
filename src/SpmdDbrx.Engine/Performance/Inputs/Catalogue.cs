using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Performance.Inputs;

/// <summary>The machines, networks, models and programs that the repository knows, and files people wrote in the same form.</summary>
/// <remarks>A file is a JSON object with one or more of the sections "hardware", "network", "model" and "software". The shipped files lie
/// in the folder Performance/Data beside the program; a name selects a shipped section, a path with .json any file's.</remarks>
public static class Catalogue
{
    private static readonly string[] Sections = ["hardware", "network", "model", "software"];

    /// <summary>Folder of the shipped files.</summary>
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Performance", "Data");

    /// <summary>A node, by name or file.</summary>
    /// <exception cref="InvalidInputException">Unknown, or a bad file; names file and field.</exception>
    public static Hardware Hardware(string nameOrFile) => Inputs.Hardware.Read(Find("hardware", "hardware", nameOrFile));

    /// <summary>A network, by name or file.</summary>
    /// <exception cref="InvalidInputException">Unknown, or a bad file; names file and field.</exception>
    public static Network Network(string nameOrFile) => Inputs.Network.Read(Find("networks", "network", nameOrFile));

    /// <summary>A program's constants, by name or file.</summary>
    /// <exception cref="InvalidInputException">Unknown, or a bad file; names file and field.</exception>
    public static Software Software(string nameOrFile) => Inputs.Software.Read(Find("software", "software", nameOrFile));

    /// <summary>A model, by name, file in this form, Hugging Face config.json, or model directory of either kind.</summary>
    /// <exception cref="InvalidInputException">Unknown, or a bad file; names file and field.</exception>
    public static ModelShape Model(string nameOrFile)
    {
        if (File.Exists(Path.Combine(nameOrFile, "manifest.json")))
            return ModelShape.From(Path.GetFileName(Path.GetFullPath(nameOrFile)), ModelDirectory.Open(nameOrFile).Config);
        string file = Directory.Exists(nameOrFile) ? Path.Combine(nameOrFile, "config.json") : nameOrFile;
        if (!IsFile(file))
            return ModelShape.Read(Find("models", "model", nameOrFile));
        JsonField top = JsonField.Read(file);
        if (!HuggingFaceShape.Matches(top))
            return ModelShape.Read(Find("models", "model", file));
        string name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file))) ?? "model";
        return HuggingFaceShape.Read(top, name);
    }

    /// <summary>Names of the shipped sections of a kind: "hardware", "networks", "models" or "software".</summary>
    public static string[] Names(string folder) =>
        [.. Directory.GetFiles(Path.Combine(Folder, folder), "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    /// <summary>Whether a file has a section: one that was measured on a single rank has no "network".</summary>
    /// <exception cref="InvalidInputException">No such file, or not JSON.</exception>
    public static bool Holds(string file, string section) => JsonField.Read(file).Optional(section) is not null;

    private static bool IsFile(string nameOrFile) =>
        nameOrFile.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || nameOrFile.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private static JsonField Find(string folder, string section, string nameOrFile)
    {
        string file = nameOrFile;
        if (!IsFile(nameOrFile))
        {
            if (!Names(folder).Contains(nameOrFile))
                throw new InvalidInputException($"{section}: expected one of {string.Join(", ", Names(folder))} or a .json file, found {nameOrFile}");
            file = Path.Combine(Folder, folder, $"{nameOrFile}.json");
        }
        JsonField top = JsonField.Read(file);
        top.AllowOnly(Sections);
        return top[section];
    }
}
