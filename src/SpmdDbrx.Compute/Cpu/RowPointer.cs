namespace SpmdDbrx.Compute.Cpu;

/// <summary>Rows of activations as kernels see them: checked once, then plain addresses.</summary>
internal readonly unsafe struct RowPointer
{
    private readonly int stride;

    /// <exception cref="ArgumentException">The rows leave their buffer.</exception>
    public RowPointer(in Activations activations)
        : this((float*)(activations.Buffer.Pointer + activations.ByteOffset), activations.Rows, activations.Columns)
    {
        long end = checked(activations.ByteOffset + ((long)Rows * Columns * sizeof(float)));
        if (activations.ByteOffset < 0 || end > activations.Buffer.ByteLength)
        {
            throw new ArgumentException(
                $"activations [{Rows}, {Columns}] at byte {activations.ByteOffset} leave their buffer of {activations.Buffer.ByteLength} bytes");
        }
    }

    /// <summary>Contiguous rows.</summary>
    public RowPointer(float* first, int rows, int columns) : this(first, rows, columns, columns)
    {
    }

    private RowPointer(float* first, int rows, int columns, int stride)
    {
        First = first;
        Rows = rows;
        Columns = columns;
        this.stride = stride;
    }

    /// <summary>Row 0.</summary>
    public float* First { get; }

    public int Rows { get; }

    public int Columns { get; }

    public float* Row(int row) => First + ((long)row * stride);

    /// <summary>Some rows and columns of these.</summary>
    public RowPointer Slice(int row, int rows, int column, int columns) => new(Row(row) + column, rows, columns, stride);
}
