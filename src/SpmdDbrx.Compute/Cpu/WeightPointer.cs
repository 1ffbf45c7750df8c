namespace SpmdDbrx.Compute.Cpu;

/// <summary>A weight matrix in memory.</summary>
internal readonly unsafe struct WeightPointer
{
    /// <exception cref="ArgumentException">See <see cref="WeightMatrix.Check"/>.</exception>
    public WeightPointer(in WeightMatrix matrix)
    {
        matrix.Check();
        First = matrix.Buffer.Pointer + matrix.ByteOffset;
        StrideBytes = matrix.RowStrideBytes;
        ElementBytes = matrix.Type.ElementBytes();
        Rows = matrix.Rows;
        Columns = matrix.Columns;
        StripCount = matrix.StripCount;
        StripColumns = matrix.StripColumns;
        StripStrideBytes = matrix.StripStrideBytes;
    }

    private WeightPointer(in WeightPointer matrix, int strip)
    {
        this = matrix;
        First += strip * StripStrideBytes;
        Columns = StripColumns;
        StripCount = 1;
    }

    /// <summary>Row 0.</summary>
    public byte* First { get; }

    /// <summary>Bytes from one row of a strip to the next.</summary>
    public long StrideBytes { get; }

    /// <summary>Bytes of an element.</summary>
    public long ElementBytes { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Strips that the columns are stored in; 1 = whole rows.</summary>
    public int StripCount { get; }

    /// <summary>Columns of a strip.</summary>
    public int StripColumns { get; }

    private long StripStrideBytes { get; }

    /// <summary>One strip as a matrix of whole rows.</summary>
    public WeightPointer Strip(int index) => new(this, index);

    /// <summary>A row of a matrix of whole rows.</summary>
    public byte* Row(int row) => First + (row * StrideBytes);

    /// <summary>An element.</summary>
    public byte* Element(int row, int column) =>
        First + (column / StripColumns * StripStrideBytes) + (row * StrideBytes) + (column % StripColumns * ElementBytes);

    /// <summary>Columns from <paramref name="column"/> to the end of its strip.</summary>
    public int ColumnsLeft(int column) => StripColumns - (column % StripColumns);

    /// <summary>Bytes from a row to the one <paramref name="rows"/> below it.</summary>
    public nint Distance(int rows) => (nint)(rows * StrideBytes);
}
