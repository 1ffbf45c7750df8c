namespace SpmdDbrx.Compute.Cpu;

/// <summary>One pass over the weights of experts with few tokens: an item is a chunk of neurons of one slice, with sums of its own.</summary>
/// <remarks>Chunks depend on the number of neurons only, and their sums are added in order by <see cref="ExpertMerge{TVector, TElement}"/>,
/// so results are the same bits for any number of threads.</remarks>
internal unsafe struct ExpertChunks<TVector, TElement>(
    ExpertSlice* slices, int chunkCount, int chunkNeurons, float* arranged, float* partials, int paddedColumns, int* inputRows)
    : IParallelWork
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    private const int Block = AccumulateRows<TVector, TElement>.Block;

    /// <summary>Chunks of an expert: many enough to share out evenly, few enough that adding their sums costs nothing.</summary>
    public const int MaxChunks = 64;

    public readonly void Run(int item, int thread)
    {
        ExpertSlice slice = slices[item / chunkCount];
        int chunk = item % chunkCount;
        float* sums = partials + ((((long)slice.Start * chunkCount) + ((long)chunk * slice.Count)) * paddedColumns);
        new Span<float>(sums, checked(slice.Count * paddedColumns)).Clear();
        int end = Math.Min(slice.W1.Rows, (chunk + 1) * chunkNeurons);
        for (int neuron = chunk * chunkNeurons; neuron < end; neuron += Block)
            RunBlock(slice, neuron, Math.Min(Block, end - neuron), sums);
    }

    private readonly void RunBlock(in ExpertSlice slice, int neuron, int count, float* sums)
    {
        float* gates = stackalloc float[ExpertSlice.MaxTokens * Block];
        float* values = stackalloc float[ExpertSlice.MaxTokens * Block];
        for (int first = 0; first < count; first += 2)
            Dot(slice, neuron + first, Math.Min(2, count - first), gates + first, values + first);
        RowMath<TVector>.SiluProduct(gates, values, slice.Count * Block);
        for (int token = 0; token < slice.Count; token++)
        {
            AccumulateRows<TVector, TElement>.Run(
                slice.W2.Row(neuron), slice.W2.StrideBytes, count, gates + (token * Block), slice.W2.Columns, sums + ((long)token * paddedColumns));
        }
    }

    /// <summary>gates[token · Block + n] and values[token · Block + n] of one or two neurons.</summary>
    private readonly void Dot(in ExpertSlice slice, int neuron, int count, float* gates, float* values)
    {
        byte* gate0 = slice.W1.Row(neuron);
        byte* value0 = slice.V1.Row(neuron);
        byte* gate1 = slice.W1.Row(neuron + count - 1);
        byte* value1 = slice.V1.Row(neuron + count - 1);
        float* dots = stackalloc float[8];
        int columns = slice.W1.Columns;
        for (int token = 0; token < slice.Count; token += 2)
        {
            float* x = Input(slice.Start + token);
            bool pair = token + 1 < slice.Count;
            if (pair)
                DotRows<TVector, TElement>.FourByTwo(gate0, value0, gate1, value1, x, Input(slice.Start + token + 1), columns, dots);
            else
                DotRows<TVector, TElement>.Four(gate0, value0, gate1, value1, x, columns, dots);
            for (int index = 0; index < (pair ? 2 : 1); index++)
            {
                for (int n = 0; n < count; n++)
                {
                    gates[((token + index) * Block) + n] = dots[(index * 4) + (2 * n)];
                    values[((token + index) * Block) + n] = dots[(index * 4) + (2 * n) + 1];
                }
            }
        }
    }

    private readonly float* Input(int assignment) => arranged + ((long)inputRows[assignment] * paddedColumns);
}
