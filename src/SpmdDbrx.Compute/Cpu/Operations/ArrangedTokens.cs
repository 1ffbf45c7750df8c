namespace SpmdDbrx.Compute.Cpu;

/// <summary>Activations of a few tokens in lane order.</summary>
/// <param name="first">Rows of <paramref name="stride"/> floats.</param>
/// <param name="stride">Floats from a row to the next.</param>
/// <param name="rows">Row of each token; null = in order.</param>
/// <param name="count">Tokens.</param>
internal readonly unsafe struct ArrangedTokens(float* first, int stride, int* rows, int count)
{
    public int Count => count;

    public float* Row(int token) => first + ((long)(rows == null ? token : rows[token]) * stride);

    /// <summary>The same from a column on that starts a group of lanes.</summary>
    public ArrangedTokens From(int column) => new(first + column, stride, rows, count);
}
