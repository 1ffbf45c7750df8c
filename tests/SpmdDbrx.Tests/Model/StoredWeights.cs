using SpmdDbrx.Compute;
using SpmdDbrx.Model;

namespace SpmdDbrx.Tests.Model;

/// <summary>All weights of a model directory as the bytes of their rows, whatever the layout.</summary>
internal static class StoredWeights
{
    /// <summary>Row bytes of every matrix: shared weights, then w1, v1, w2 of every expert of every layer.</summary>
    public static IEnumerable<(WeightLocation Location, byte[] Bytes)> Of(ModelDirectory model)
    {
        foreach (WeightLocation location in Locations(model))
            yield return (location, Rows(model, location));
    }

    public static IEnumerable<WeightLocation> Locations(ModelDirectory model)
    {
        foreach (WeightLocation shared in model.SharedWeights())
            yield return shared;
        for (int layer = 0; layer < model.Config.LayerCount; layer++)
        {
            for (int expert = 0; expert < model.Config.ExpertCount; expert++)
            {
                ExpertLocation location = model.Expert(layer, expert);
                yield return location.W1;
                yield return location.V1;
                yield return location.W2;
            }
        }
    }

    /// <summary>The rows of one matrix without what lies between them.</summary>
    public static byte[] Rows(ModelDirectory model, WeightLocation location)
    {
        using MappedFile file = model.Map(location.File);
        int rowBytes = (int)location.Type.ByteCount(location.Columns), pieceBytes = (int)location.Type.ByteCount(location.StripColumns);
        byte[] bytes = new byte[location.Rows * rowBytes];
        for (int row = 0; row < location.Rows; row++)
        {
            for (int strip = 0; strip < location.StripCount; strip++)
            {
                ReadOnlySpan<byte> piece = file.Span(location.Offset(row, strip * location.StripColumns), pieceBytes);
                piece.CopyTo(bytes.AsSpan((row * rowBytes) + (strip * pieceBytes)));
            }
        }
        return bytes;
    }

    /// <summary>An element as float.</summary>
    public static float Value(byte[] bytes, ElementType type, int index) => type switch
    {
        ElementType.Float32 => BitConverter.ToSingle(bytes, index * 4),
        ElementType.Float16 => (float)BitConverter.ToHalf(bytes, index * 2),
        _ => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes, index * 2) << 16),
    };
}
