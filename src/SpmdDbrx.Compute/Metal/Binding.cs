namespace SpmdDbrx.Compute.Metal;

/// <summary>What a dispatch reads or writes: a range of one buffer.</summary>
internal readonly record struct Binding(MetalBuffer Buffer, long ByteOffset, long ByteLength, bool Written)
{
    public static Binding Read(Activations activations) => Of(activations, written: false);

    public static Binding Write(Activations activations) => Of(activations, written: true);

    public static Binding Read(in WeightMatrix matrix)
    {
        long bytes = ((matrix.Rows - 1) * matrix.RowStrideBytes) + matrix.Type.ByteCount(matrix.Columns);
        return new Binding(MetalBuffer.Of(matrix.Buffer), matrix.ByteOffset, bytes, Written: false);
    }

    public static Binding Read(DeviceBuffer buffer) => new(MetalBuffer.Of(buffer), 0, buffer.ByteLength, Written: false);

    public static Binding Write(DeviceBuffer buffer) => new(MetalBuffer.Of(buffer), 0, buffer.ByteLength, Written: true);

    /// <summary>A part of this range.</summary>
    public Binding Part(long byteOffset, long byteLength) => this with { ByteOffset = ByteOffset + byteOffset, ByteLength = byteLength };

    /// <summary>The same range, written.</summary>
    public Binding AsWritten() => this with { Written = true };

    /// <summary>Whether the range starts at a multiple of <paramref name="bytes"/>.</summary>
    public unsafe bool IsAligned(long bytes) => ((nint)Buffer.Pointer + ByteOffset) % bytes == 0;

    private static Binding Of(Activations activations, bool written) => new(
        MetalBuffer.Of(activations.Buffer), activations.ByteOffset, (long)activations.Rows * activations.Columns * sizeof(float), written);
}
