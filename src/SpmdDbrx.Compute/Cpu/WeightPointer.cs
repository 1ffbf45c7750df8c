namespace SpmdDbrx.Compute.Cpu;

/// <summary>A weight matrix as kernels see it: checked once, then plain addresses.</summary>
internal readonly unsafe struct WeightPointer
{
    /// <exception cref="ArgumentException">The matrix leaves its buffer.</exception>
    public WeightPointer(in WeightMatrix matrix)
    {
        long rowBytes = matrix.Type.ByteCount(matrix.Columns);
        long end = checked(matrix.ByteOffset + (matrix.Rows == 0 ? 0 : ((matrix.Rows - 1) * matrix.RowStrideBytes) + rowBytes));
        if (matrix.ByteOffset < 0 || matrix.RowStrideBytes < rowBytes || end > matrix.Buffer.ByteLength)
        {
            throw new ArgumentException(
                $"weight matrix [{matrix.Rows}, {matrix.Columns}] at byte {matrix.ByteOffset} with stride {matrix.RowStrideBytes} "
                + $"leaves its buffer of {matrix.Buffer.ByteLength} bytes");
        }
        First = matrix.Buffer.Pointer + matrix.ByteOffset;
        StrideBytes = matrix.RowStrideBytes;
        ElementBytes = matrix.Type.ElementBytes();
        Rows = matrix.Rows;
        Columns = matrix.Columns;
    }

    /// <summary>Row 0.</summary>
    public byte* First { get; }

    /// <summary>Bytes from one row to the next.</summary>
    public long StrideBytes { get; }

    /// <summary>Bytes of an element.</summary>
    public long ElementBytes { get; }

    public int Rows { get; }

    public int Columns { get; }

    public byte* Row(int row) => First + (row * StrideBytes);

    /// <summary>Bytes from a row to the one <paramref name="rows"/> below it.</summary>
    public nint Distance(int rows) => (nint)(rows * StrideBytes);
}
