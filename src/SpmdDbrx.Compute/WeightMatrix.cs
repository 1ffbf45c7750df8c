namespace SpmdDbrx.Compute;

/// <summary>A weight matrix [rows, columns] as stored: whole rows, or equal strips of its columns, one strip behind the other.</summary>
/// <remarks>A strip is a matrix of fewer columns. A pass over one keeps only as much of a long vector at hand, which the first-level cache can
/// hold beside the weights that pass through it (bench/results/amd-epyc-zen5-2-cores/kernels.md).</remarks>
/// <param name="Buffer">The mapped file (or part of one) that holds it.</param>
/// <param name="ByteOffset">First byte of row 0 in the buffer.</param>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Elements of a row.</param>
/// <param name="RowStrideBytes">Bytes from one row to the next, within a strip; may be larger than a row.</param>
/// <param name="Type">How an element is stored.</param>
/// <param name="StripCount">Strips; 1 = whole rows. Where there are several, each has a multiple of <see cref="StripMultiple"/> columns.</param>
/// <param name="StripStrideBytes">Bytes from one strip to the next.</param>
public readonly record struct WeightMatrix(
    DeviceBuffer Buffer, long ByteOffset, int Rows, int Columns, long RowStrideBytes, ElementType Type, int StripCount = 1, long StripStrideBytes = 0)
{
    /// <summary>What the columns of a strip are a multiple of: a whole number of registers, tiles and cache lines.</summary>
    public const int StripMultiple = 128;

    /// <summary>Columns of a strip.</summary>
    public int StripColumns => Columns / StripCount;

    /// <summary>Bytes from the first to behind the last element.</summary>
    /// <exception cref="OverflowException">More than 2⁶³ of them.</exception>
    public long SpanBytes => Rows == 0 ? 0 : checked(((StripCount - 1) * StripStrideBytes) + StripSpanBytes);

    private long StripSpanBytes => checked(((Rows - 1) * RowStrideBytes) + Type.ByteCount(StripColumns));

    /// <summary>Whether rows, columns, element type and number of strips are those of <paramref name="other"/>.</summary>
    public bool IsShapedLike(in WeightMatrix other) =>
        (Rows, Columns, Type, StripCount) == (other.Rows, other.Columns, other.Type, other.StripCount);

    /// <summary>Checks what every kernel relies on.</summary>
    /// <exception cref="ArgumentException">Strips overlap or are not of whole registers, or the matrix leaves its buffer.</exception>
    public void Check()
    {
        if (StripCount < 1 || (StripCount > 1 && Columns % (StripCount * StripMultiple) != 0))
            throw new ArgumentException($"weight matrix [{Rows}, {Columns}]: expected strips of a multiple of {StripMultiple} columns, found {StripCount} strips");
        if (Rows > 0 && StripCount > 1 && StripStrideBytes < StripSpanBytes)
            throw new ArgumentException($"weight matrix [{Rows}, {Columns}]: expected strips at least {StripSpanBytes} bytes apart, found {StripStrideBytes}");
        if (ByteOffset < 0 || RowStrideBytes < Type.ByteCount(StripColumns) || checked(ByteOffset + SpanBytes) > Buffer.ByteLength)
        {
            throw new ArgumentException(
                $"weight matrix [{Rows}, {Columns}] at byte {ByteOffset} with stride {RowStrideBytes} and {StripCount} strips "
                + $"leaves its buffer of {Buffer.ByteLength} bytes");
        }
    }

    /// <summary>Checks that rows are whole, for operations on single rows.</summary>
    /// <exception cref="ArgumentException">They are in strips.</exception>
    public void RequireWholeRows(string operation)
    {
        if (StripCount != 1)
            throw new ArgumentException($"{operation}: expected whole rows, found [{Rows}, {Columns}] in {StripCount} strips");
    }
}

/// <summary>One expert of one layer: all three matrices have one row of length D per hidden unit ("neuron").</summary>
/// <remarks><c>y = Σ_f silu(w1_f · x) · (v1_f · x) · w2_f</c>; rows of w1 and v1 are dotted with x, rows of w2 are scaled and summed (MECHANISMS §1).</remarks>
/// <param name="W1">Gate projection [F, D].</param>
/// <param name="V1">Up projection [F, D].</param>
/// <param name="W2">Down projection [F, D].</param>
public readonly record struct ExpertWeights(WeightMatrix W1, WeightMatrix V1, WeightMatrix W2);
