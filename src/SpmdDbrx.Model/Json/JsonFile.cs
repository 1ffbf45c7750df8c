using System.Text.Json;
using System.Text.Unicode;

namespace SpmdDbrx.Model.Json;

/// <summary>Reads the small JSON files of a model: bounded in bytes and depth, no key twice.</summary>
internal static class JsonFile
{
    /// <summary>A manifest of a thousand experts has 10 MB; anything far beyond is no model file.</summary>
    public const int MaximumBytes = 64 << 20;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary>The object that a file holds.</summary>
    /// <exception cref="InvalidModelException">Missing, too large, or not one JSON object.</exception>
    public static JsonFields ReadObject(string path) => ParseObject(ReadBytes(path), path);

    /// <summary>All bytes of a file no larger than <paramref name="maximumBytes"/>.</summary>
    /// <exception cref="InvalidModelException">Missing or too large.</exception>
    public static byte[] ReadBytes(string path, int maximumBytes = MaximumBytes)
    {
        FileInfo file = new(path);
        if (!file.Exists)
            throw new InvalidModelException($"{path}: no such file");
        if (file.Length > maximumBytes)
            throw new InvalidModelException($"{path}: expected at most {maximumBytes} bytes, found {file.Length}");
        return File.ReadAllBytes(path);
    }

    /// <summary>The object that <paramref name="text"/> holds.</summary>
    /// <exception cref="InvalidModelException">Not one JSON object, too deep, or a key is there twice.</exception>
    public static JsonFields ParseObject(ReadOnlySpan<byte> text, string path)
    {
        // The parser takes any bytes inside strings and fails only when they are read.
        if (!Utf8.IsValid(text))
            throw new InvalidModelException($"{path}: not valid JSON: bytes that are no UTF-8");
        try
        {
            JsonElement root = JsonElement.Parse(text, Options);
            return root.ValueKind == JsonValueKind.Object
                ? new JsonFields(root, path, "")
                : throw new InvalidModelException($"{path}: expected a JSON object, found {root.ValueKind}");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new InvalidModelException($"{path}: not valid JSON: {error.Message}", error);
        }
    }
}
