using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>One pass over the weights of experts with few tokens: an item is a chunk of neurons of one slice, with sums of its own.</summary>
/// <remarks>The neurons of an expert form eight runs; a chunk is a piece of each, so that consecutive chunks read on along the same eight
/// streams of memory. Chunks depend on the expert's size only, and their sums are added in order by
/// <see cref="ExpertMerge{TVector, TElement}"/>, so results are the same bits for any number of threads.</remarks>
internal unsafe struct ExpertChunks<TVector, TElement>(
    ExpertSlice* slices, int chunkCount, int chunkLength, float* arranged, int paddedColumns) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Runs of neurons of an expert, read side by side.</summary>
    public const int Streams = 8;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        ExpertSlice slice = slices[item / chunkCount];
        ExpertTokens tokens = slice.Tokens;
        int chunk = item % chunkCount;
        float* sums = slice.Sums + ((long)chunk * tokens.Count * paddedColumns);
        new Span<float>(sums, checked(tokens.Count * paddedColumns)).Clear();
        int neurons = tokens.W1.Rows;
        int runLength = neurons / Streams;
        int end = Math.Min(runLength, (chunk + 1) * chunkLength);
        for (int neuron = chunk * chunkLength; neuron < end; neuron++)
            RunEight(tokens, neuron, runLength, sums);
        if (end < runLength)
            return;
        for (int neuron = Streams * runLength; neuron < neurons; neuron++)
            RunOne(tokens, neuron, sums);
    }

    /// <summary>sums += the outputs of neurons neuron, neuron + runLength, … neuron + 7 · runLength.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunEight(in ExpertTokens tokens, int neuron, int runLength, float* sums)
    {
        float* gates = stackalloc float[ExpertSlice.MaxTokens * Streams];
        float* values = stackalloc float[ExpertSlice.MaxTokens * Streams];
        Dot(tokens, tokens.W1, neuron, runLength, gates);
        Dot(tokens, tokens.V1, neuron, runLength, values);
        RowMath<TVector>.SiluProduct(gates, values, tokens.Count * Streams);
        WeightPointer w2 = tokens.W2;
        byte* row = w2.Row(neuron);
        nint distance = w2.Distance(runLength);
        if (tokens.Count == 1)
        {
            AccumulateRows<TVector, TElement, ReadOnce>.Eight(row, distance, gates, w2.Columns, sums);
            return;
        }
        for (int token = 0; token < tokens.Count; token++)
        {
            AccumulateRows<TVector, TElement, ReadAgain>.Eight(
                row, distance, gates + (token * Streams), w2.Columns, sums + ((long)token * paddedColumns));
        }
    }

    /// <summary>dots[token · Streams + n] = x of the token · row neuron + n · runLength.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Dot(in ExpertTokens tokens, in WeightPointer weight, int neuron, int runLength, float* dots)
    {
        byte* row = weight.Row(neuron);
        nint distance = weight.Distance(runLength);
        int columns = weight.Columns;
        int token = 0;
        for (; token + 2 <= tokens.Count; token += 2)
        {
            float* x = Input(tokens, token);
            float* y = Input(tokens, token + 1);
            float* sums = dots + (token * Streams);
            float* otherSums = sums + Streams;
            DotRows<TVector, TElement>.FourByTwo(row, distance, x, y, columns, sums, otherSums);
            DotRows<TVector, TElement>.FourByTwo(row + (4 * distance), distance, x, y, columns, sums + 4, otherSums + 4);
        }
        if (token < tokens.Count)
            DotRows<TVector, TElement>.Eight(row, distance, Input(tokens, token), columns, dots + (token * Streams));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunOne(in ExpertTokens tokens, int neuron, float* sums)
    {
        for (int token = 0; token < tokens.Count; token++)
        {
            float* x = Input(tokens, token);
            float gate = DotRows<TVector, TElement>.One(tokens.W1.Row(neuron), x, tokens.W1.Columns);
            float value = DotRows<TVector, TElement>.One(tokens.V1.Row(neuron), x, tokens.V1.Columns);
            RowMath<TVector>.SiluProduct(&gate, &value, 1);
            AccumulateRows<TVector, TElement, ReadAgain>.One(tokens.W2.Row(neuron), gate, tokens.W2.Columns, sums + ((long)token * paddedColumns));
        }
    }

    private readonly float* Input(in ExpertTokens tokens, int token) => arranged + ((long)tokens.InputRows[token] * paddedColumns);
}
