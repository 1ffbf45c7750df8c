using System.Globalization;
using System.Text.Json;

namespace SpmdDbrx.Engine;

/// <summary>A value in a JSON file that knows its file and its path, so that every complaint names both.</summary>
public readonly struct JsonField
{
    private static readonly JsonDocumentOptions Options = new()
    {
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
        AllowDuplicateProperties = false,
    };

    private readonly string file;
    private readonly string path;
    private readonly JsonElement element;

    private JsonField(string file, string path, JsonElement element)
    {
        this.file = file;
        this.path = path;
        this.element = element;
    }

    /// <summary>Reads a whole file whose top level is an object.</summary>
    /// <exception cref="InvalidInputException">No such file, or not a JSON object.</exception>
    public static JsonField Read(string file)
    {
        try
        {
            return Parse(file, File.ReadAllText(file));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException($"{file}: cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Parses text; <paramref name="file"/> is how complaints call it.</summary>
    /// <exception cref="InvalidInputException">Not a JSON object.</exception>
    public static JsonField Parse(string file, string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, Options);
            return new JsonField(file, "", document.RootElement.Clone()).Expect(JsonValueKind.Object, "an object { … }");
        }
        catch (JsonException exception)
        {
            throw new InvalidInputException($"{file}: not valid JSON: {exception.Message}", exception);
        }
    }

    /// <summary>A field that has to be there.</summary>
    public JsonField this[string name] =>
        Optional(name) ?? throw new InvalidInputException($"{file}: {Child(name)}: missing");

    /// <summary>A field that may be missing or null.</summary>
    public JsonField? Optional(string name)
    {
        Expect(JsonValueKind.Object, "an object { … }");
        return element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? new JsonField(file, Child(name), value)
            : null;
    }

    /// <summary>Complains about fields that nobody reads: they are misspelt more often than superfluous.</summary>
    public void AllowOnly(params ReadOnlySpan<string> names)
    {
        foreach (JsonProperty property in Expect(JsonValueKind.Object, "an object { … }").element.EnumerateObject())
        {
            if (!names.Contains(property.Name))
                throw new InvalidInputException($"{file}: {Child(property.Name)}: unknown field; known here: {string.Join(", ", names!)}");
        }
    }

    /// <summary>The elements of an array.</summary>
    public JsonField[] Items()
    {
        Expect(JsonValueKind.Array, "an array [ … ]");
        JsonField[] items = new JsonField[element.GetArrayLength()];
        for (int index = 0; index < items.Length; index++)
            items[index] = new JsonField(file, $"{path}[{index}]", element[index]);
        return items;
    }

    /// <summary>A string that is not empty.</summary>
    public string Text()
    {
        string? text = Expect(JsonValueKind.String, "a text").element.GetString();
        return string.IsNullOrWhiteSpace(text) ? throw Wrong("a text that is not empty") : text;
    }

    /// <summary>true or false.</summary>
    public bool Flag() => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("true or false"),
    };

    /// <summary>A whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int Integer(int least, int most)
    {
        string expected = string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}");
        Expect(JsonValueKind.Number, expected);
        return element.TryGetInt32(out int value) && value >= least && value <= most ? value : throw Wrong(expected);
    }

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    /// <param name="least">Smallest allowed.</param>
    /// <param name="most">Largest allowed: beyond it the unit must be wrong.</param>
    /// <param name="unit">What the number counts, for complaints.</param>
    public double Number(double least, double most, string unit)
    {
        string expected = string.Create(CultureInfo.InvariantCulture, $"a number from {least:G6} to {most:G6} ({unit})");
        Expect(JsonValueKind.Number, expected);
        double value = element.GetDouble();
        return value >= least && value <= most ? value : throw Wrong(expected);
    }

    /// <summary>Whether this is an object.</summary>
    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    /// <summary>Whether this is the number 0.</summary>
    public bool IsZero => element.ValueKind == JsonValueKind.Number && element.GetDouble() == 0;

    /// <summary>The complaint that this field is not what it should be.</summary>
    public InvalidInputException Wrong(string expected)
    {
        string found = element.GetRawText();
        if (found.Length > 60)
            found = found[..57] + "…";
        return new InvalidInputException($"{file}: {(path.Length == 0 ? "top level" : path)}: expected {expected}, found {found.ReplaceLineEndings(" ")}");
    }

    private string Child(string name) => path.Length == 0 ? name : $"{path}.{name}";

    private JsonField Expect(JsonValueKind kind, string expected) => element.ValueKind == kind ? this : throw Wrong(expected);
}
