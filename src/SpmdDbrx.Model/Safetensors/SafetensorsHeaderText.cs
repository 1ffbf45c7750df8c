using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Safetensors;

/// <summary>Writes the header of a safetensors file.</summary>
internal static class SafetensorsHeaderText
{
    private const int LengthBytes = 8;

    /// <summary>Length and JSON, padded so that the tensors begin at a multiple of 8 bytes.</summary>
    /// <param name="tensors">In the order of their bytes, which follow each other without gap.</param>
    public static byte[] Write(IEnumerable<(string Name, ElementType Type, long[] Shape)> tensors)
    {
        StringBuilder json = new("{\"__metadata__\":{\"format\":\"pt\"}");
        long offset = 0;
        foreach ((string name, ElementType type, long[] shape) in tensors)
        {
            long end = checked(offset + type.ByteCount(shape.Aggregate(1L, (product, size) => checked(product * size))));
            json.Append($",\"{JsonEncodedText.Encode(name)}\":{{\"dtype\":\"{SafetensorsType.Name(type)}\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{offset},{end}]}}");
            offset = end;
        }
        json.Append('}').Append(' ', 7 - ((json.Length - 1) % 8));
        byte[] header = new byte[LengthBytes + json.Length];
        BinaryPrimitives.WriteInt64LittleEndian(header, json.Length);
        Encoding.ASCII.GetBytes(json.ToString(), header.AsSpan(LengthBytes));
        return header;
    }
}
