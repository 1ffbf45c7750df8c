using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Tests.Model.Safetensors;

/// <summary>Takes safetensors files apart and puts them together wrongly.</summary>
internal static class SafetensorsSurgery
{
    public static (JsonObject Header, byte[] Data) Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        return (JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject(), bytes[(8 + length)..]);
    }

    public static void Write(string path, string header, byte[] data) => Write(path, Encoding.UTF8.GetBytes(header), data);

    public static void Write(string path, byte[] header, byte[] data)
    {
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        File.WriteAllBytes(path, [.. length, .. header, .. data]);
    }
}
