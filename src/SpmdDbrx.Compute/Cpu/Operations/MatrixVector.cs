namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t, o] = input[t] · weight[o] for a few tokens, weights read once: an item is a run of weight rows.</summary>
internal unsafe struct MatrixVector<TVector, TElement> : IParallelWork
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Weight bytes of an item: long enough to stream, short enough to share out evenly.</summary>
    private const int ItemBytes = 1 << 18;

    private readonly float* arranged;
    private readonly int arrangedColumns;
    private readonly WeightPointer weight;
    private readonly RowPointer output;
    private readonly int rowsPerItem;

    private MatrixVector(float* arranged, int arrangedColumns, WeightPointer weight, RowPointer output)
    {
        this.arranged = arranged;
        this.arrangedColumns = arrangedColumns;
        this.weight = weight;
        this.output = output;
        rowsPerItem = Math.Max(1, ItemBytes / Math.Max(1, weight.Columns * TElement.Bytes) / 4) * 4;
    }

    public static void Run(ThreadTeam team, ScratchBuffer scratch, RowPointer input, WeightPointer weight, RowPointer output)
    {
        int padded = LaneOrder.Padded<TVector>(input.Columns);
        float* arranged = scratch.Floats((long)padded * input.Rows);
        for (int token = 0; token < input.Rows; token++)
            LaneOrder.Arrange<TVector, TElement>(input.Row(token), input.Columns, arranged + ((long)token * padded));
        var work = new MatrixVector<TVector, TElement>(arranged, padded, weight, output);
        team.Run((weight.Rows + work.rowsPerItem - 1) / work.rowsPerItem, ref work);
    }

    public readonly void Run(int item, int thread)
    {
        int end = Math.Min(weight.Rows, (item + 1) * rowsPerItem);
        for (int row = item * rowsPerItem; row < end; row += 4)
            FourRows(row, Math.Min(4, end - row));
    }

    private readonly void FourRows(int row, int count)
    {
        byte* row0 = weight.Row(row);
        byte* row1 = weight.Row(row + Math.Min(1, count - 1));
        byte* row2 = weight.Row(row + Math.Min(2, count - 1));
        byte* row3 = weight.Row(row + Math.Min(3, count - 1));
        float* sums = stackalloc float[8];
        int token = 0;
        for (; token + 2 <= output.Rows; token += 2)
        {
            float* x = arranged + ((long)token * arrangedColumns);
            DotRows<TVector, TElement>.FourByTwo(row0, row1, row2, row3, x, x + arrangedColumns, weight.Columns, sums);
            new ReadOnlySpan<float>(sums, count).CopyTo(new Span<float>(output.Row(token) + row, count));
            new ReadOnlySpan<float>(sums + 4, count).CopyTo(new Span<float>(output.Row(token + 1) + row, count));
        }
        if (token < output.Rows)
        {
            DotRows<TVector, TElement>.Four(row0, row1, row2, row3, arranged + ((long)token * arrangedColumns), weight.Columns, sums);
            new ReadOnlySpan<float>(sums, count).CopyTo(new Span<float>(output.Row(token) + row, count));
        }
    }
}
