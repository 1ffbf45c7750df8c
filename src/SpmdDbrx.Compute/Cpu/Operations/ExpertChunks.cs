namespace SpmdDbrx.Compute.Cpu;

/// <summary>One pass over the weights of experts with few tokens: an item is a chunk of neurons of one slice, with sums of its own.</summary>
/// <remarks>The neurons of an expert form eight runs; a chunk is a piece of each, so that consecutive chunks read on along the same eight
/// streams of memory. Chunks depend on the expert's size only, and their sums are added in order by
/// <see cref="ExpertMerge{TVector, TElement}"/>, so results are the same bits for any number of threads.</remarks>
internal unsafe struct ExpertChunks<TVector, TElement>(
    ExpertSlice* slices, int chunkCount, int chunkLength, float* arranged, float* partials, int paddedColumns, int* inputRows)
    : IParallelWork
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Runs of neurons of an expert, read side by side.</summary>
    public const int Streams = 8;

    public readonly void Run(int item, int thread)
    {
        ExpertSlice slice = slices[item / chunkCount];
        int chunk = item % chunkCount;
        float* sums = partials + ((((long)slice.Start * chunkCount) + ((long)chunk * slice.Count)) * paddedColumns);
        new Span<float>(sums, checked(slice.Count * paddedColumns)).Clear();
        int runLength = slice.W1.Rows / Streams;
        int end = Math.Min(runLength, (chunk + 1) * chunkLength);
        for (int neuron = chunk * chunkLength; neuron < end; neuron++)
            RunEight(slice, neuron, runLength, sums);
        if (end < runLength)
            return;
        for (int neuron = Streams * runLength; neuron < slice.W1.Rows; neuron++)
            RunOne(slice, neuron, sums);
    }

    /// <summary>sums += the outputs of neurons neuron, neuron + runLength, … neuron + 7 · runLength.</summary>
    private readonly void RunEight(in ExpertSlice slice, int neuron, int runLength, float* sums)
    {
        float* gates = stackalloc float[ExpertSlice.MaxTokens * Streams];
        float* values = stackalloc float[ExpertSlice.MaxTokens * Streams];
        Dot(slice, slice.W1, neuron, runLength, gates);
        Dot(slice, slice.V1, neuron, runLength, values);
        RowMath<TVector>.SiluProduct(gates, values, slice.Count * Streams);
        WeightPointer w2 = slice.W2;
        byte* row = w2.Row(neuron);
        nint distance = w2.Distance(runLength);
        if (slice.Count == 1)
        {
            AccumulateRows<TVector, TElement, ReadOnce>.Eight(row, distance, gates, w2.Columns, sums);
            return;
        }
        for (int token = 0; token < slice.Count; token++)
        {
            AccumulateRows<TVector, TElement, ReadAgain>.Eight(
                row, distance, gates + (token * Streams), w2.Columns, sums + ((long)token * paddedColumns));
        }
    }

    /// <summary>dots[token · Streams + n] = x of the token · row neuron + n · runLength.</summary>
    private readonly void Dot(in ExpertSlice slice, in WeightPointer weight, int neuron, int runLength, float* dots)
    {
        byte* row = weight.Row(neuron);
        nint distance = weight.Distance(runLength);
        int columns = weight.Columns;
        int token = 0;
        for (; token + 2 <= slice.Count; token += 2)
        {
            float* x = Input(slice, token);
            float* y = Input(slice, token + 1);
            float* sums = dots + (token * Streams);
            float* otherSums = sums + Streams;
            DotRows<TVector, TElement>.FourByTwo(row, distance, x, y, columns, sums, otherSums);
            DotRows<TVector, TElement>.FourByTwo(row + (4 * distance), distance, x, y, columns, sums + 4, otherSums + 4);
        }
        if (token < slice.Count)
            DotRows<TVector, TElement>.Eight(row, distance, Input(slice, token), columns, dots + (token * Streams));
    }

    private readonly void RunOne(in ExpertSlice slice, int neuron, float* sums)
    {
        for (int token = 0; token < slice.Count; token++)
        {
            float* x = Input(slice, token);
            float gate = DotRows<TVector, TElement>.One(slice.W1.Row(neuron), x, slice.W1.Columns);
            float value = DotRows<TVector, TElement>.One(slice.V1.Row(neuron), x, slice.V1.Columns);
            RowMath<TVector>.SiluProduct(&gate, &value, 1);
            AccumulateRows<TVector, TElement, ReadAgain>.One(slice.W2.Row(neuron), gate, slice.W2.Columns, sums + ((long)token * paddedColumns));
        }
    }

    private readonly float* Input(in ExpertSlice slice, int token) => arranged + ((long)inputRows[slice.Start + token] * paddedColumns);
}
