using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t, o] = input[t] · weight[o] for a few tokens, weights read once: an item is a run of weight rows.</summary>
internal unsafe struct MatrixVector<TVector, TElement> : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Weight bytes of an item: long enough to stream, short enough to share out evenly.</summary>
    private const int ItemBytes = 1 << 19;

    /// <summary>Rows at work at once, each the next of a run of its own.</summary>
    private static int Streams => MemoryStreams.Count<TVector>();

    private readonly float* arranged;
    private readonly int arrangedColumns;
    private readonly WeightPointer weight;
    private readonly RowPointer output;
    private readonly int runLength;
    private readonly int rowsPerItem;

    private MatrixVector(float* arranged, int arrangedColumns, WeightPointer weight, RowPointer output)
    {
        this.arranged = arranged;
        this.arrangedColumns = arrangedColumns;
        this.weight = weight;
        this.output = output;
        runLength = weight.Rows / Streams;
        rowsPerItem = Math.Max(1, ItemBytes / Streams / Math.Max(1, weight.Columns * TElement.Bytes));
    }

    public static void Run(ThreadTeam team, Scratch scratch, RowPointer input, WeightPointer weight, RowPointer output)
    {
        int padded = LaneOrder.Padded<TVector>(input.Columns);
        float* arranged = scratch.Inputs.Floats((long)padded * input.Rows);
        for (int token = 0; token < input.Rows; token++)
            LaneOrder.Arrange<TVector, TElement>(input.Row(token), input.Columns, arranged + ((long)token * padded));
        var work = new MatrixVector<TVector, TElement>(arranged, padded, weight, output);
        team.Run(Math.Max(1, (work.runLength + work.rowsPerItem - 1) / work.rowsPerItem), ref work);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        int end = Math.Min(runLength, (item + 1) * rowsPerItem);
        for (int row = item * rowsPerItem; row < end; row++)
        {
            if (Streams == MemoryStreams.Pair)
                RunPair(row);
            else
                RunEight(row);
        }
        if (end < runLength)
            return;
        for (int row = Streams * runLength; row < weight.Rows; row++)
        {
            for (int token = 0; token < output.Rows; token++)
                output.Row(token)[row] = DotRows<TVector, TElement>.One(weight.Row(row), Input(token), weight.Columns);
        }
    }

    /// <summary>Rows row and row + runLength.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunPair(int row)
    {
        byte* first = weight.Row(row);
        nint distance = weight.Distance(runLength);
        int columns = weight.Columns;
        float* sums = stackalloc float[MemoryStreams.Pair];
        if (output.Rows == 1)
        {
            DotRows<TVector, TElement>.Two<PairReadOnce>(first, distance, Input(0), columns, sums);
            Store(sums, row, output.Row(0));
            return;
        }
        float* otherSums = stackalloc float[MemoryStreams.Pair];
        int token = 0;
        for (; token + 2 <= output.Rows; token += 2)
        {
            DotRows<TVector, TElement>.TwoByTwo<PairReadAgain>(first, distance, Input(token), Input(token + 1), columns, sums, otherSums);
            Store(sums, row, output.Row(token));
            Store(otherSums, row, output.Row(token + 1));
        }
        if (token < output.Rows)
        {
            DotRows<TVector, TElement>.Two<PairReadAgain>(first, distance, Input(token), columns, sums);
            Store(sums, row, output.Row(token));
        }
    }

    /// <summary>Rows row, row + runLength, … row + 7 · runLength.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunEight(int row)
    {
        byte* first = weight.Row(row);
        nint distance = weight.Distance(runLength);
        int columns = weight.Columns;
        float* sums = stackalloc float[MemoryStreams.Eight];
        float* otherSums = stackalloc float[MemoryStreams.Eight];
        int token = 0;
        for (; token + 2 <= output.Rows; token += 2)
        {
            float* x = Input(token);
            float* y = Input(token + 1);
            DotRows<TVector, TElement>.FourByTwo(first, distance, x, y, columns, sums, otherSums);
            DotRows<TVector, TElement>.FourByTwo(first + (4 * distance), distance, x, y, columns, sums + 4, otherSums + 4);
            Store(sums, row, output.Row(token));
            Store(otherSums, row, output.Row(token + 1));
        }
        if (token < output.Rows)
        {
            DotRows<TVector, TElement>.Eight(first, distance, Input(token), columns, sums);
            Store(sums, row, output.Row(token));
        }
    }

    private readonly void Store(float* sums, int row, float* target)
    {
        for (int stream = 0; stream < Streams; stream++)
            target[row + (stream * runLength)] = sums[stream];
    }

    private readonly float* Input(int token) => arranged + ((long)token * arrangedColumns);
}
