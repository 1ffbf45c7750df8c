namespace SpmdDbrx.Compute.Cpu;

/// <summary>Contiguous rows of activations as kernels see them: checked once, then plain addresses.</summary>
internal readonly unsafe struct RowPointer
{
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

    public RowPointer(float* first, int rows, int columns)
    {
        First = first;
        Rows = rows;
        Columns = columns;
    }

    /// <summary>Row 0.</summary>
    public float* First { get; }

    public int Rows { get; }

    public int Columns { get; }

    public float* Row(int row) => First + ((long)row * Columns);
}
