using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Weights;

/// <summary>A part of a device's buffer.</summary>
/// <param name="Buffer">The buffer.</param>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
public readonly record struct BufferRange(DeviceBuffer Buffer, long Start, long End)
{
    /// <summary>Bytes.</summary>
    public long Bytes => End - Start;
}
