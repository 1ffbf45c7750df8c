using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>A stretch of a weight file with a hash of its own: one matrix, or the three matrices of an expert layer interleaved row by row.</summary>
/// <param name="Name">"embedding", "layers.3.wqkv", "layers.3.experts.7".</param>
/// <param name="File">File relative to the directory, with '/'.</param>
/// <param name="Offset">First byte; a multiple of <see cref="PrestackLayout.Alignment"/>.</param>
/// <param name="Rows">Rows of every matrix.</param>
/// <param name="Columns">Elements of a row.</param>
/// <param name="Types">How each matrix is stored: one type for a single matrix, three for w1, v1, w2.</param>
internal sealed record Section(string Name, string File, long Offset, int Rows, int Columns, IReadOnlyList<ElementType> Types)
{
    /// <summary>Bytes from row f of a matrix to its row f + 1: the rows f of all matrices lie side by side.</summary>
    public long RowStrideBytes { get; } = Types.Sum(type => type.ByteCount(Columns));

    /// <summary>Bytes of the weights.</summary>
    public long WeightBytes => checked(Rows * RowStrideBytes);

    /// <summary>Bytes with the zeros that follow up to the next section; the hash covers them.</summary>
    public long Bytes => PrestackLayout.AlignUp(WeightBytes);

    /// <summary>Where the matrix of that number lies.</summary>
    public WeightLocation Locate(int matrix)
    {
        long offset = Offset;
        for (int before = 0; before < matrix; before++)
            offset += Types[before].ByteCount(Columns);
        return new WeightLocation(File, offset, Rows, Columns, RowStrideBytes, Types[matrix]);
    }
}
