using System.Buffers.Binary;
using System.Text.Json;
using SpmdDbrx.Compute;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Safetensors;

/// <summary>Reads the header of a safetensors file and trusts none of it: 8 bytes of length, JSON, then the tensors' bytes without gap or overlap.</summary>
/// <remarks>The rules are those of the reference implementation (huggingface/safetensors, tensor.rs: header cap, checked products,
/// contiguous offsets that end where the file ends), and stricter where it is lenient: no key twice, no empty tensor.</remarks>
internal static class SafetensorsHeader
{
    /// <summary>The reference implementation's cap.</summary>
    public const int MaximumHeaderBytes = 100_000_000;

    /// <summary>Many times what any model has; keeps a header of nothing but tensors from taking a gigabyte of memory.</summary>
    public const int MaximumTensors = 1 << 18;

    private const int LengthBytes = 8;
    private const int MaximumDimensions = 8;

    /// <summary>The header's bytes, without the length before them.</summary>
    /// <exception cref="InvalidModelException">The file is too short or the length senseless.</exception>
    public static ReadOnlySpan<byte> Text(MappedFile file)
    {
        if (file.Length < LengthBytes)
            throw new InvalidModelException($"{file.Path}: expected a safetensors file of at least {LengthBytes} bytes, found {file.Length} bytes");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.Span(0, LengthBytes));
        ulong maximum = (ulong)Math.Min(MaximumHeaderBytes, file.Length - LengthBytes);
        if (length is 0 || length > maximum)
            throw new InvalidModelException($"{file.Path}: header length: expected 1 to {maximum} bytes, found {length}; the file is damaged, truncated or no safetensors file");
        return file.Span(LengthBytes, (int)length);
    }

    /// <summary>All tensors, in the order of their bytes.</summary>
    /// <exception cref="InvalidModelException">The header is not exactly what the format asks for.</exception>
    public static List<SafetensorsTensor> Read(MappedFile file)
    {
        ReadOnlySpan<byte> text = Text(file);
        long dataOffset = LengthBytes + text.Length;
        List<SafetensorsTensor> tensors;
        try
        {
            tensors = Parse(text, file.Path, dataOffset);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new InvalidModelException($"{file.Path}: header is not valid JSON: {error.Message}", error);
        }
        tensors.Sort((a, b) => a.ByteOffset.CompareTo(b.ByteOffset));
        RequireContiguous(tensors, file, dataOffset);
        return tensors;
    }

    private static List<SafetensorsTensor> Parse(ReadOnlySpan<byte> text, string path, long dataOffset)
    {
        // Depth 3: the header, a tensor, its shape. Deeper nesting ends here and not on the stack.
        Utf8JsonReader reader = new(text, new JsonReaderOptions { MaxDepth = 3 });
        List<SafetensorsTensor> tensors = [];
        HashSet<string> names = [];
        Expect(ref reader, JsonTokenType.StartObject, path, "header");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name))
                throw new InvalidModelException($"{path}: tensor {QuotedText.Of(name)}: expected once, found twice in the header");
            if (names.Count > MaximumTensors)
                throw new InvalidModelException($"{path}: expected at most {MaximumTensors} tensors, found more");
            Expect(ref reader, JsonTokenType.StartObject, path, QuotedText.Of(name));
            if (name == "__metadata__")
                SkipMetadata(ref reader, path);
            else
                tensors.Add(ParseTensor(ref reader, path, name, dataOffset));
        }
        reader.Read(); // White space may follow the object; anything else throws.
        return tensors;
    }

    private static void SkipMetadata(ref Utf8JsonReader reader, string path)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            Expect(ref reader, JsonTokenType.String, path, "__metadata__");
    }

    private static SafetensorsTensor ParseTensor(ref Utf8JsonReader reader, string path, string name, long dataOffset)
    {
        string where = $"{path}: tensor {QuotedText.Of(name)}";
        string? typeName = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            reader.Read();
            bool isNew = field switch
            {
                "dtype" => typeName is null && (typeName = reader.TokenType == JsonTokenType.String ? reader.GetString() : "?") is not null,
                "shape" => shape is null && (shape = Integers(ref reader, $"{where}: shape", MaximumDimensions)) is not null,
                "data_offsets" => offsets is null && (offsets = Integers(ref reader, $"{where}: data_offsets", 2)) is not null,
                _ => throw new InvalidModelException($"{where}: expected dtype, shape and data_offsets, found {QuotedText.Of(field)}"),
            };
            if (!isNew)
                throw new InvalidModelException($"{where}: {field}: expected once, found twice");
        }
        if (typeName is null || shape is null || offsets is not [long begin, long end])
            throw new InvalidModelException($"{where}: expected dtype, shape and two data_offsets, found less");
        ElementType type = SafetensorsType.Parse(typeName)
            ?? throw new InvalidModelException($"{where}: dtype: expected BF16, F16 or F32, found {QuotedText.Of(typeName)}");
        long byteLength = ByteLength(type, shape, where);
        if (begin > end || end - begin != byteLength)
            throw new InvalidModelException($"{where}: data_offsets: expected {byteLength} bytes for {typeName} [{string.Join(", ", shape)}], found {begin} to {end}");
        if (end > long.MaxValue - dataOffset)
            throw new InvalidModelException($"{where}: data_offsets: expected an end inside the file, found {end}");
        return new SafetensorsTensor(name, type, [.. shape], dataOffset + begin, byteLength);
    }

    private static List<long> Integers(ref Utf8JsonReader reader, string where, int maximumCount)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new InvalidModelException($"{where}: expected an array, found {reader.TokenType}");
        List<long> numbers = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
                throw new InvalidModelException($"{where}: expected whole numbers from 0 to {long.MaxValue}, found something else at position {numbers.Count}");
            if (numbers.Count == maximumCount)
                throw new InvalidModelException($"{where}: expected at most {maximumCount} numbers, found more");
            numbers.Add(number);
        }
        return numbers;
    }

    private static long ByteLength(ElementType type, List<long> shape, string where)
    {
        long bytes = type.ElementBytes();
        foreach (long size in shape)
        {
            if (size == 0 || bytes > long.MaxValue / size)
                throw new InvalidModelException($"{where}: shape: expected positive sizes of less than 2^63 bytes together, found [{string.Join(", ", shape)}]");
            bytes *= size;
        }
        return bytes;
    }

    private static void RequireContiguous(List<SafetensorsTensor> tensors, MappedFile file, long dataOffset)
    {
        long expected = dataOffset;
        foreach (SafetensorsTensor tensor in tensors)
        {
            if (tensor.ByteOffset != expected)
            {
                string what = tensor.ByteOffset < expected ? "overlaps the tensor before it" : "leaves a hole before it";
                throw new InvalidModelException($"{file.Path}: tensor {QuotedText.Of(tensor.Name)}: expected to start at byte {expected}, found {tensor.ByteOffset}: it {what}");
            }
            expected = checked(tensor.ByteOffset + tensor.ByteLength);
        }
        if (expected != file.Length)
            throw new InvalidModelException($"{file.Path}: expected {expected} bytes for the tensors in its header, found {file.Length}; the file is {(file.Length < expected ? "truncated" : "too long")}");
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType expected, string path, string what)
    {
        if (!reader.Read() || reader.TokenType != expected)
            throw new InvalidModelException($"{path}: {what}: expected {expected}, found {reader.TokenType}");
    }
}
