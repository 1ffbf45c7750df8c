namespace SpmdDbrx.Compute.Cpu;

/// <summary>A pass over experts with few tokens.</summary>
internal static class ExpertPass
{
    /// <summary>Most tokens of a pass, each counted once for every expert: bounds the memory of the chunks' sums.</summary>
    /// <remarks>Devices that work together do so in one pass: in two, one that is ahead would write what another still reads.</remarks>
    public const int Tokens = 16;
}

/// <summary>How the work of one pass over experts with few tokens is cut: each matrix by strips, each strip by chunks of rows.</summary>
/// <remarks>It depends on the experts' size only, and what chunks give is added in their order, so results are the same bits for any number of
/// threads.</remarks>
internal readonly unsafe struct ExpertPass<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Weight bytes of a chunk where a strip has fewer than <see cref="MaxChunks"/> of them: its sums must cost little beside it.</summary>
    private const long ChunkBytes = 1 << 20;

    /// <summary>Chunks of a strip: many enough to share out evenly.</summary>
    private const int MaxChunks = 32;

    public ExpertPass(ExpertSlice* slices, in ExpertTokens expert, float* arranged, int paddedColumns, bool asksAhead)
    {
        AsksAhead = asksAhead;
        Slices = slices;
        Arranged = arranged;
        PaddedColumns = paddedColumns;
        StripCount = expert.W1.StripCount;
        StripColumns = expert.W1.StripColumns;
        PaddedRows = (expert.W1.Rows + TVector.Count - 1) / TVector.Count * TVector.Count;
        RunLength = expert.W1.Rows / RowStreams<TVector, TElement>.Count;
        long lengthBytes = (long)RowStreams<TVector, TElement>.Count * Math.Max(1, expert.W1.StripColumns) * TElement.Bytes;
        ChunkLength = (int)Math.Max((RunLength + MaxChunks - 1) / MaxChunks, Math.Max(1, ChunkBytes / lengthBytes));
        ChunkCount = Math.Max(1, (RunLength + ChunkLength - 1) / ChunkLength);
    }

    public ExpertSlice* Slices { get; }

    /// <summary>Inputs in lane order, [rows][padded D].</summary>
    public float* Arranged { get; }

    /// <summary>Padded D.</summary>
    public int PaddedColumns { get; }

    /// <summary>As <see cref="RowStreams{TVector, TElement}"/> says.</summary>
    public bool AsksAhead { get; }

    public int StripCount { get; }

    private int StripColumns { get; }

    /// <summary>F in whole registers: floats from a token's dot products to the next one's.</summary>
    public int PaddedRows { get; }

    public int ChunkCount { get; }

    /// <summary>Rows that a chunk takes from each run.</summary>
    private int ChunkLength { get; }

    private int RunLength { get; }

    /// <summary>Floats of a token's dot products: those of w1, then of v1, each strip by strip.</summary>
    public long DotsLength => 2L * StripCount * PaddedRows;

    /// <summary>Floats of a token's sums: those of every chunk.</summary>
    public long SumsLength => (long)ChunkCount * PaddedColumns;

    /// <summary>The columns of w2 that a strip holds; lanes behind the last column belong to the last strip.</summary>
    public (int Start, int Count) Columns(int strip)
    {
        int start = strip * StripColumns;
        return (start, strip == StripCount - 1 ? PaddedColumns - start : StripColumns);
    }

    /// <summary>Rows of a chunk in each run.</summary>
    public (int First, int Count) Rows(int chunk) => (chunk * ChunkLength, Math.Min(ChunkLength, RunLength - (chunk * ChunkLength)));

    /// <summary>Dot products of a slice's tokens with a strip of w1 (matrix 0) or v1 (1), [token][padded F].</summary>
    public float* Dots(in ExpertSlice slice, int matrix, int strip) =>
        slice.Dots + ((long)((matrix * StripCount) + strip) * slice.Tokens.Count * PaddedRows);
}
