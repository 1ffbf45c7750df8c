using System.Text.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Opens the JSON files beside a checkpoint.</summary>
internal static class JsonFile
{
    // The largest tokenizer.json in the wild is near 35 MB; a parsed document takes up to 6 times its file.
    private const long LargestFileBytes = 64L << 20;

    /// <summary>Parses a file whose root must be an object. The caller disposes the document.</summary>
    /// <exception cref="InvalidModelException">The file cannot be read, is too large or is no JSON object.</exception>
    public static JsonDocument Open(string path, out JsonField root)
    {
        JsonDocument document = Parse(path);
        root = new JsonField(path, "", document.RootElement);
        if (root.IsObject)
            return document;
        document.Dispose();
        throw new InvalidModelException($"{path}: expected a JSON object");
    }

    private static JsonDocument Parse(string path)
    {
        try
        {
            return JsonDocument.Parse(LimitedFile.ReadAllBytes(path, LargestFileBytes));
        }
        catch (JsonException error)
        {
            throw new InvalidModelException($"{path}: expected JSON, found a fault at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}", error);
        }
    }
}
