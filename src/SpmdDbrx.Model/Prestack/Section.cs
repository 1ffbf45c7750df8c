using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>A stretch of a weight file with a hash of its own: one matrix, or the three matrices of an expert layer, each in strips of columns.</summary>
/// <param name="Name">"embedding", "layers.3.wqkv", "layers.3.experts.7".</param>
/// <param name="File">File relative to the directory, with '/'.</param>
/// <param name="Offset">First byte; a multiple of <see cref="PrestackLayout.Alignment"/>.</param>
/// <param name="Rows">Rows of every matrix.</param>
/// <param name="Columns">Elements of a row.</param>
/// <param name="StripCount">Strips of a matrix, one behind the other; 1 = whole rows.</param>
/// <param name="Types">How each matrix is stored: one type for a single matrix, three for w1, v1, w2.</param>
internal sealed record Section(string Name, string File, long Offset, int Rows, int Columns, int StripCount, IReadOnlyList<ElementType> Types)
{
    /// <summary>Bytes of the weights.</summary>
    public long WeightBytes { get; } = Types.Sum(type => MatrixBytes(type, Rows, Columns));

    /// <summary>Bytes with the zeros that follow up to the next section; the hash covers them.</summary>
    public long Bytes => PrestackLayout.AlignUp(WeightBytes);

    /// <summary>Where the matrix of that number lies: behind those before it.</summary>
    public WeightLocation Locate(int matrix)
    {
        long offset = Offset + Types.Take(matrix).Sum(type => MatrixBytes(type, Rows, Columns));
        long rowBytes = Types[matrix].ByteCount(Columns / StripCount);
        return new WeightLocation(File, offset, Rows, Columns, rowBytes, Types[matrix], StripCount, Rows * rowBytes);
    }

    private static long MatrixBytes(ElementType type, int rows, int columns) => checked(rows * type.ByteCount(columns));
}
