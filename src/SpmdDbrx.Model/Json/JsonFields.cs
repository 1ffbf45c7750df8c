using System.Text.Json;

namespace SpmdDbrx.Model.Json;

/// <summary>A JSON object of a model file, read field by field; every error names file, field, expected and found.</summary>
internal readonly struct JsonFields
{
    private static readonly JsonElement Empty = JsonElement.Parse("{}");

    private readonly string prefix;

    /// <param name="element">The object.</param>
    /// <param name="file">File it came from, for messages.</param>
    /// <param name="prefix">Names of the objects around it, each with a dot at its end.</param>
    public JsonFields(JsonElement element, string file, string prefix)
    {
        Element = element;
        Source = file;
        this.prefix = prefix;
    }

    /// <summary>File it came from.</summary>
    public string Source { get; }

    /// <summary>The object itself.</summary>
    public JsonElement Element { get; }

    /// <summary>The value of a field; null if it is absent or JSON's null.</summary>
    public JsonElement? Value(string name) =>
        Element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>Whether the field is there, be it null.</summary>
    public bool Has(string name) => Element.TryGetProperty(name, out _);

    /// <summary>A whole number; written as 128, 128.0 or 1.28e2. <paramref name="absent"/> stands for an absent field; with none the field must be there.</summary>
    public long Integer(string name, long minimum, long maximum, long? absent = null)
    {
        if (!Has(name))
            return absent ?? throw Wrong(name, Range(minimum, maximum));
        JsonElement value = Element.GetProperty(name);
        if (value.ValueKind != JsonValueKind.Number)
            throw Wrong(name, Range(minimum, maximum));
        bool isWhole = value.TryGetInt64(out long number);
        if (!isWhole && value.TryGetDouble(out double real) && Math.Abs(real) < 1L << 53 && real == Math.Floor(real))
            (isWhole, number) = (true, (long)real);
        return isWhole && number >= minimum && number <= maximum ? number : throw Wrong(name, Range(minimum, maximum));
    }

    /// <summary><see cref="Integer"/> for sizes that fit 32 bits.</summary>
    public int Size(string name, int maximum, int? absent = null) => checked((int)Integer(name, 1, maximum, absent));

    /// <summary>A positive, finite number; null for JSON's null; <paramref name="absent"/> if the field is absent.</summary>
    public double? Positive(string name, double? absent)
    {
        if (!Has(name))
            return absent;
        if (Value(name) is not { } value)
            return null;
        // float.MaxValue: every such number is handed to float32 arithmetic.
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number is > 0 and <= float.MaxValue
            ? number
            : throw Wrong(name, "a positive number");
    }

    /// <summary>true or false; <paramref name="absent"/> if the field is absent or JSON's null.</summary>
    public bool Boolean(string name, bool absent) =>
        Value(name) is not { } value ? absent
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(name, "true or false");

    /// <summary>A string; null if absent or JSON's null.</summary>
    public string? Text(string name)
    {
        if (Value(name) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.String)
            throw Wrong(name, "a string");
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            throw Wrong(name, "a string of valid Unicode");
        }
    }

    /// <summary>A string that must be there.</summary>
    public string RequiredText(string name) => Text(name) ?? throw Wrong(name, "a string");

    /// <summary>An object; null if absent or JSON's null.</summary>
    public JsonFields? Object(string name) =>
        Value(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new JsonFields(value, Source, $"{prefix}{name}.")
        : throw Wrong(name, "an object");

    /// <summary>An object; one without fields if absent or JSON's null.</summary>
    public JsonFields ObjectOrEmpty(string name) => Object(name) ?? new JsonFields(Empty, Source, $"{prefix}{name}.");

    /// <summary>An object that must be there.</summary>
    public JsonFields RequiredObject(string name) => Object(name) ?? throw Wrong(name, "an object");

    /// <summary>An array that must be there.</summary>
    public JsonElement Array(string name) =>
        Value(name) is { ValueKind: JsonValueKind.Array } value ? value : throw Wrong(name, "an array");

    /// <summary>An array of objects that must be there, with the position of each in its prefix.</summary>
    public IEnumerable<JsonFields> Objects(string name)
    {
        int index = 0;
        foreach (JsonElement item in Array(name).EnumerateArray())
        {
            string path = $"{prefix}{name}[{index++}]";
            yield return item.ValueKind == JsonValueKind.Object
                ? new JsonFields(item, Source, path + ".")
                : throw new InvalidModelException($"{Source}: {path}: expected an object, found {Shorten(item)}");
        }
    }

    /// <summary>The error for a field: expected this, found what is there.</summary>
    public InvalidModelException Wrong(string name, string expected) =>
        new($"{Source}: {prefix}{name}: expected {expected}, found {(Has(name) ? Shorten(Element.GetProperty(name)) : "nothing")}");

    private static string Range(long minimum, long maximum) => $"a whole number from {minimum} to {maximum}";

    private static string Shorten(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => $"an array of {value.GetArrayLength()}",
        _ => QuotedText.Of(value.GetRawText()),
    };
}
