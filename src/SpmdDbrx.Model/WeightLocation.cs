using SpmdDbrx.Compute;

namespace SpmdDbrx.Model;

/// <summary>Where a weight matrix [rows, columns] lies on disk. The file layout is the buffer layout: nothing is unpacked after mmap.</summary>
/// <param name="File">File name relative to the model directory.</param>
/// <param name="ByteOffset">First byte of row 0.</param>
/// <param name="Rows">Rows (1 for a vector).</param>
/// <param name="Columns">Elements of a row.</param>
/// <param name="RowStrideBytes">Bytes from one row of a strip to the next.</param>
/// <param name="Type">How an element is stored.</param>
/// <param name="StripCount">Equal strips of columns, one behind the other; 1 = whole rows.</param>
/// <param name="StripStrideBytes">Bytes from one strip to the next.</param>
public readonly record struct WeightLocation(
    string File, long ByteOffset, int Rows, int Columns, long RowStrideBytes, ElementType Type, int StripCount = 1, long StripStrideBytes = 0)
{
    /// <summary>Columns of a strip.</summary>
    public int StripColumns => Columns / StripCount;

    /// <summary>Where an element lies.</summary>
    /// <exception cref="OverflowException">Beyond 2⁶³ bytes.</exception>
    public long Offset(int row, int column) => checked(
        ByteOffset + (column / StripColumns * StripStrideBytes) + (row * RowStrideBytes) + Type.ByteCount(column % StripColumns));

    /// <summary>Some of the rows.</summary>
    public WeightLocation Part(int firstRow, int rows) => this with { ByteOffset = Offset(firstRow, 0), Rows = rows };
}

/// <summary>Where one expert of one layer lies: w1, v1 and w2, each [F, D].</summary>
public readonly record struct ExpertLocation(WeightLocation W1, WeightLocation V1, WeightLocation W2);
