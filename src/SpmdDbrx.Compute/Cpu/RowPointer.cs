namespace SpmdDbrx.Compute.Cpu;

/// <summary>Activations as kernels see them: checked once, then plain addresses.</summary>
internal readonly unsafe struct RowPointer
{
    /// <exception cref="ArgumentException">The rows leave their buffer.</exception>
    public RowPointer(in Activations activations)
    {
        long end = checked(activations.ByteOffset + ((long)activations.Rows * activations.Columns * sizeof(float)));
        if (activations.ByteOffset < 0 || end > activations.Buffer.ByteLength)
        {
            throw new ArgumentException(
                $"activations [{activations.Rows}, {activations.Columns}] at byte {activations.ByteOffset} "
                + $"leave their buffer of {activations.Buffer.ByteLength} bytes");
        }
        First = (float*)(activations.Buffer.Pointer + activations.ByteOffset);
        Rows = activations.Rows;
        Columns = activations.Columns;
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
