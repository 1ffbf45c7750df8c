using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t, o] = input[t] · weight[o] for a few tokens, weights read once: an item is a chunk of the rows of one strip.</summary>
internal readonly unsafe struct MatrixVector<TVector, TElement> : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Weight bytes of an item: long enough to stream, short enough to share out evenly.</summary>
    private const int ItemBytes = 1 << 18;

    private readonly ArrangedTokens inputs;
    private readonly WeightPointer weight;
    private readonly float* dots;
    private readonly int dotStride;
    private readonly int chunkLength;
    private readonly int chunkCount;
    private readonly bool asksAhead;

    private MatrixVector(ArrangedTokens inputs, WeightPointer weight, float* dots, int dotStride, bool asksAhead)
    {
        this.asksAhead = asksAhead;
        this.inputs = inputs;
        this.weight = weight;
        this.dots = dots;
        this.dotStride = dotStride;
        int runLength = weight.Rows / RowStreams<TVector, TElement>.Count;
        chunkLength = Math.Max(1, ItemBytes / RowStreams<TVector, TElement>.Count / Math.Max(1, weight.StripColumns * TElement.Bytes));
        chunkCount = Math.Max(1, (runLength + chunkLength - 1) / chunkLength);
    }

    public static void Run(ThreadTeam team, SharedTeam? shared, Scratch scratch, RowPointer input, WeightPointer weight, RowPointer output)
    {
        if (input.Rows == 0)
            return;
        int padded = LaneOrder.Padded<TVector>(input.Columns);
        float* arranged = scratch.Inputs.Floats((long)padded * input.Rows);
        for (int token = 0; token < input.Rows; token++)
            LaneOrder.Arrange<TVector, TElement>(input.Row(token), input.Columns, arranged + ((long)token * padded));
        var tokens = new ArrangedTokens(arranged, padded, null, input.Rows);
        if (weight.StripCount == 1 && shared is null)
        {
            var whole = new MatrixVector<TVector, TElement>(tokens, weight, output.Row(0), output.Columns, team.SharesMemory);
            team.Run(whole.chunkCount, ref whole);
            return;
        }
        long dotCount = (long)weight.StripCount * input.Rows * weight.Rows;
        float* dots = shared is null ? scratch.Results.Floats(dotCount) : shared.NextProduct(dotCount);
        var strips = new MatrixVector<TVector, TElement>(tokens, weight, dots, weight.Rows, shared is not null || team.SharesMemory);
        SharedTeam.Run(team, shared, weight.StripCount * strips.chunkCount, ref strips);
        var merge = new StripMerge<TVector>(dots, weight.StripCount, output);
        team.Run(merge.ItemCount, ref merge);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int thread)
    {
        (int strip, int chunk) = Math.DivRem(item, chunkCount);
        WeightPointer columns = weight.Strip(strip);
        var streams = new RowStreams<TVector, TElement>(columns, asksAhead);
        int first = chunk * chunkLength;
        streams.Dot(
            first, Math.Min(chunkLength, streams.Length - first), inputs.From(strip * columns.Columns),
            dots + ((long)strip * inputs.Count * dotStride), dotStride);
    }
}
