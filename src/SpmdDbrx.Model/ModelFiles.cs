namespace SpmdDbrx.Model;

/// <summary>Names of the files beside the weights, in checkpoints and prestacked directories alike.</summary>
internal static class ModelFiles
{
    public const string Config = "config.json";
    public const string GenerationConfig = "generation_config.json";

    private static readonly string[] Fixed =
        [Config, GenerationConfig, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];

    /// <summary>Those of the small files that are in <paramref name="directory"/>, ordered by name: the configurations, the tokenizer and tiktoken rank files.</summary>
    public static IReadOnlyList<string> Copied(string directory) =>
        [.. Fixed.Where(file => File.Exists(Path.Combine(directory, file)))
            .Concat(Directory.EnumerateFiles(directory, "*.tiktoken").Select(path => Path.GetFileName(path)))
            .Order(StringComparer.Ordinal)];

    /// <summary>Whether a name that a file gives stays in the directory: no path, no way out.</summary>
    public static bool IsPlainName(string file) =>
        file is not ("" or "." or "..") && file.Length <= 255 && !file.Any(character => character is '/' or '\\' or ':' || char.IsControl(character));
}
