using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>One pass over the weights of experts with few tokens: an item is a chunk of neurons of one slice, with sums of its own.</summary>
/// <remarks>The neurons of an expert form eight runs, or two; a chunk is a piece of each, so that consecutive chunks read on along the same
/// streams of memory. Chunks depend on the expert's size only, and their sums are added in order by
/// <see cref="ExpertMerge{TVector, TElement}"/>, so results are the same bits for any number of threads.</remarks>
internal unsafe struct ExpertChunks<TVector, TElement>(
    ExpertSlice* slices, int chunkCount, int chunkLength, float* arranged, int paddedColumns) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Runs of neurons of an expert, read side by side.</summary>
    public static int Streams => MemoryStreams.Count<TVector>();

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
        {
            if (Streams == MemoryStreams.Eight)
                RunEight(tokens, neuron, runLength, sums);
            else if (tokens.Count == 1)
                RunPair(tokens, neuron, runLength, sums);
            else
                RunPairOfTokens(tokens, neuron, runLength, sums);
        }
        if (end < runLength)
            return;
        for (int neuron = Streams * runLength; neuron < neurons; neuron++)
            RunOne(tokens, neuron, sums);
    }

    /// <summary>sums += the outputs of neurons neuron and neuron + runLength for one token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunPair(in ExpertTokens tokens, int neuron, int runLength, float* sums)
    {
        // A whole register of gates, so that their activation is one step.
        float* gates = stackalloc float[TVector.Count];
        float* values = stackalloc float[TVector.Count];
        float* x = Input(tokens, 0);
        RowPair<TVector, TElement, PairReadOnce>.Dot(tokens.W1.Row(neuron), tokens.W1.Distance(runLength), x, tokens.W1.Columns, gates);
        RowPair<TVector, TElement, PairReadOnce>.Dot(tokens.V1.Row(neuron), tokens.V1.Distance(runLength), x, tokens.V1.Columns, values);
        RowMath<TVector>.SiluProduct(gates, values, TVector.Count);
        RowPair<TVector, TElement, PairReadOnce>.Accumulate(tokens.W2.Row(neuron), tokens.W2.Distance(runLength), gates, tokens.W2.Columns, sums);
    }

    /// <summary>The same for several tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunPairOfTokens(in ExpertTokens tokens, int neuron, int runLength, float* sums)
    {
        float* gates = stackalloc float[ExpertSlice.MaxTokens * MemoryStreams.Pair];
        float* values = stackalloc float[ExpertSlice.MaxTokens * MemoryStreams.Pair];
        DotPair(tokens, tokens.W1, neuron, runLength, gates);
        DotPair(tokens, tokens.V1, neuron, runLength, values);
        // As many as a register has lanes, and so one step; those without a token are 0.
        RowMath<TVector>.SiluProduct(gates, values, ExpertSlice.MaxTokens * MemoryStreams.Pair);
        byte* row = tokens.W2.Row(neuron);
        nint distance = tokens.W2.Distance(runLength);
        for (int token = 0; token < tokens.Count; token++)
        {
            RowPair<TVector, TElement, PairReadAgain>.Accumulate(
                row, distance, gates + (token * MemoryStreams.Pair), tokens.W2.Columns, sums + ((long)token * paddedColumns));
        }
    }

    /// <summary>dots[token · 2 + n] = x of the token · row neuron + n · runLength.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void DotPair(in ExpertTokens tokens, in WeightPointer weight, int neuron, int runLength, float* dots)
    {
        byte* row = weight.Row(neuron);
        nint distance = weight.Distance(runLength);
        int token = 0;
        for (; token + 2 <= tokens.Count; token += 2)
        {
            float* sums = dots + (token * MemoryStreams.Pair);
            DotRows<TVector, TElement>.TwoByTwo<PairReadAgain>(
                row, distance, Input(tokens, token), Input(tokens, token + 1), weight.Columns, sums, sums + MemoryStreams.Pair);
        }
        if (token < tokens.Count)
            DotRows<TVector, TElement>.Two<PairReadAgain>(row, distance, Input(tokens, token), weight.Columns, dots + (token * MemoryStreams.Pair));
    }

    /// <summary>sums += the outputs of neurons neuron, neuron + runLength, … neuron + 7 · runLength.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunEight(in ExpertTokens tokens, int neuron, int runLength, float* sums)
    {
        float* gates = stackalloc float[ExpertSlice.MaxTokens * MemoryStreams.Eight];
        float* values = stackalloc float[ExpertSlice.MaxTokens * MemoryStreams.Eight];
        Dot(tokens, tokens.W1, neuron, runLength, gates);
        Dot(tokens, tokens.V1, neuron, runLength, values);
        RowMath<TVector>.SiluProduct(gates, values, tokens.Count * MemoryStreams.Eight);
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
                row, distance, gates + (token * MemoryStreams.Eight), w2.Columns, sums + ((long)token * paddedColumns));
        }
    }

    /// <summary>dots[token · 8 + n] = x of the token · row neuron + n · runLength.</summary>
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
            float* sums = dots + (token * MemoryStreams.Eight);
            float* otherSums = sums + MemoryStreams.Eight;
            DotRows<TVector, TElement>.FourByTwo(row, distance, x, y, columns, sums, otherSums);
            DotRows<TVector, TElement>.FourByTwo(row + (4 * distance), distance, x, y, columns, sums + 4, otherSums + 4);
        }
        if (token < tokens.Count)
            DotRows<TVector, TElement>.Eight(row, distance, Input(tokens, token), columns, dots + (token * MemoryStreams.Eight));
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
