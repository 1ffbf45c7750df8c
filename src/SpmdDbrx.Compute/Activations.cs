namespace SpmdDbrx.Compute;

/// <summary>Float32 activations [rows, columns], row-major and contiguous: one row a token.</summary>
/// <param name="Buffer">Where the values lie.</param>
/// <param name="ByteOffset">First byte of row 0.</param>
/// <param name="Rows">Tokens.</param>
/// <param name="Columns">Features of a token.</param>
public readonly record struct Activations(DeviceBuffer Buffer, long ByteOffset, int Rows, int Columns)
{
    /// <summary>All values, [rows · columns].</summary>
    public Span<float> Values => Buffer.Span<float>(ByteOffset, checked(Rows * Columns));

    /// <summary>The features of one token, [columns].</summary>
    public Span<float> Row(int row) => Buffer.Span<float>(ByteOffset + ((long)row * Columns * sizeof(float)), Columns);

    /// <summary>The first <paramref name="rows"/> rows.</summary>
    public Activations Take(int rows) => Slice(0, rows);

    /// <summary>Rows <paramref name="start"/> … <paramref name="start"/> + <paramref name="rows"/> − 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rows leave this block.</exception>
    public Activations Slice(int start, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)start + rows, Rows);
        return this with { ByteOffset = ByteOffset + ((long)start * Columns * sizeof(float)), Rows = rows };
    }
}
