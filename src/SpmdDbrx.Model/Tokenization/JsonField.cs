using System.Globalization;
using System.Text.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>A value in a JSON file that knows where it is, so that a wrong one is reported as file, field, expected, found.</summary>
internal readonly struct JsonField
{
    private readonly string file;
    private readonly string path;
    private readonly JsonElement element;

    /// <param name="file">File name for messages.</param>
    /// <param name="path">Field for messages: "model.merges[17]"; empty for the whole file.</param>
    /// <param name="element">The value.</param>
    public JsonField(string file, string path, JsonElement element)
    {
        this.file = file;
        this.path = path;
        this.element = element;
    }

    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    public bool IsArray => element.ValueKind == JsonValueKind.Array;

    public bool IsText => element.ValueKind == JsonValueKind.String;

    /// <summary>Elements of an array or properties of an object.</summary>
    public int Count => IsArray ? element.GetArrayLength() : Properties().Count();

    /// <summary>A property; null if it is absent or null.</summary>
    public JsonField? Optional(string name)
    {
        if (!IsObject)
            throw Error("an object");
        return element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? new JsonField(file, Child(name), value)
            : null;
    }

    /// <summary>A property that must be there.</summary>
    public JsonField Required(string name) =>
        Optional(name) ?? throw new InvalidModelException($"{file}: {Child(name)}: expected a value, found none");

    public string Text()
    {
        if (!IsText)
            throw Error("a string");
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new InvalidModelException($"{file}: {path}: expected Unicode text, found half a surrogate pair");
        }
    }

    public int Int32(int minimum, int maximum)
    {
        bool isNumber = element.ValueKind == JsonValueKind.Number;
        return isNumber && element.TryGetInt32(out int value) && value >= minimum && value <= maximum
            ? value
            : throw Error($"a whole number from {minimum} to {maximum}");
    }

    public bool Boolean() =>
        element.ValueKind is JsonValueKind.True or JsonValueKind.False ? element.GetBoolean() : throw Error("true or false");

    /// <summary>A true/false property with a default.</summary>
    public bool Boolean(string name, bool absent) => Optional(name)?.Boolean() ?? absent;

    /// <summary>The elements of an array.</summary>
    public IEnumerable<JsonField> Items()
    {
        if (!IsArray)
            throw Error("an array");
        int index = 0;
        foreach (JsonElement item in element.EnumerateArray())
            yield return new JsonField(file, string.Create(CultureInfo.InvariantCulture, $"{path}[{index++}]"), item);
    }

    /// <summary>The names and values of an object's properties.</summary>
    public IEnumerable<KeyValuePair<string, JsonField>> Properties()
    {
        if (!IsObject)
            throw Error("an object");
        foreach (JsonProperty property in element.EnumerateObject())
        {
            string name = Name(property);
            yield return new(name, new JsonField(file, Child(name), property.Value));
        }
    }

    /// <summary>The exception for a value that is not what it should be.</summary>
    public InvalidModelException Error(string expected) => new($"{file}: {path}: expected {expected}, found {Describe()}");

    private string Child(string name) => path.Length == 0 ? Shorten(name) : $"{path}.{Shorten(name)}";

    private string Name(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw new InvalidModelException($"{file}: {path}: expected names in Unicode, found half a surrogate pair");
        }
    }

    private string Describe() => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => $"an array of {element.GetArrayLength()}",
        JsonValueKind.String => $"\"{Shorten(Text())}\"",
        _ => Shorten(element.GetRawText()),
    };

    private static string Shorten(string text) => (text.Length <= 60 ? text : text[..57] + "...").ReplaceLineEndings(" ");
}
