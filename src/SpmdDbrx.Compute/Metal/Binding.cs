namespace SpmdDbrx.Compute.Metal;

/// <summary>What a dispatch reads or writes: a range of one buffer.</summary>
internal readonly record struct Binding(MetalBuffer Buffer, long ByteOffset, long ByteLength, bool Written)
{
    public static Binding Read(Activations activations) => Of(activations, written: false);

    public static Binding Write(Activations activations) => Of(activations, written: true);

    /// <exception cref="ArgumentException">See <see cref="WeightMatrix.Check"/>.</exception>
    public static Binding Read(in WeightMatrix matrix)
    {
        matrix.Check();
        return new Binding(MetalBuffer.Of(matrix.Buffer), matrix.ByteOffset, matrix.SpanBytes, Written: false);
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
