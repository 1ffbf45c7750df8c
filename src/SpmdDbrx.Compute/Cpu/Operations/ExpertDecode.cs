namespace SpmdDbrx.Compute.Cpu;

/// <summary>Experts with few tokens, at memory speed: passes of <see cref="ExpertChunks{TVector, TElement}"/> and <see cref="ExpertMerge{TVector, TElement}"/>.</summary>
internal static unsafe class ExpertDecode<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Tokens of one pass: bounds the memory of the chunks' sums.</summary>
    private const int PassTokens = 16;

    /// <summary>Weight bytes of a chunk where an expert has fewer than <see cref="MaxChunks"/> of them: its sums must cost little beside it.</summary>
    private const long ChunkBytes = 3 << 20;

    /// <summary>Chunks of an expert: many enough to share out evenly.</summary>
    private const int MaxChunks = 32;

    /// <summary>output[outputRow] += weight · expert(input[inputRow]) for all tokens of all experts.</summary>
    public static void Run(ThreadTeam team, Scratch scratch, ReadOnlySpan<ExpertTokens> experts, RowPointer input, RowPointer output)
    {
        int padded = LaneOrder.Padded<TVector>(input.Columns);
        float* arranged = scratch.Inputs.Floats((long)padded * input.Rows);
        for (int row = 0; row < input.Rows; row++)
            LaneOrder.Arrange<TVector, TElement>(input.Row(row), input.Columns, arranged + ((long)row * padded));

        int runLength = experts[0].W1.Rows / ExpertChunks<TVector, TElement>.Streams;
        int chunkLength = ChunkLength(runLength, input.Columns);
        int chunkCount = Math.Max(1, (runLength + chunkLength - 1) / chunkLength);
        long sumsLength = (long)chunkCount * padded;
        float* sums = scratch.Sums.Floats(PassTokens * sumsLength);
        ExpertSlice* slices = stackalloc ExpertSlice[PassTokens];
        for (int expert = 0, start = 0; expert < experts.Length;)
        {
            int sliceCount = 0;
            for (int taken = 0; taken < PassTokens && expert < experts.Length;)
            {
                int count = Math.Min(Math.Min(ExpertSlice.MaxTokens, PassTokens - taken), experts[expert].Count - start);
                slices[sliceCount++] = new ExpertSlice(experts[expert].Slice(start, count), sums + (taken * sumsLength));
                taken += count;
                start += count;
                if (start == experts[expert].Count)
                    (expert, start) = (expert + 1, 0);
            }
            var chunks = new ExpertChunks<TVector, TElement>(slices, chunkCount, chunkLength, arranged, padded);
            team.Run(sliceCount * chunkCount, ref chunks);
            var merge = new ExpertMerge<TVector, TElement>(slices, sliceCount, chunkCount, padded, output);
            team.Run((padded + ExpertMerge<TVector, TElement>.Columns - 1) / ExpertMerge<TVector, TElement>.Columns, ref merge);
        }
    }

    /// <summary>Neurons that a chunk takes from each run.</summary>
    private static int ChunkLength(int runLength, int columns)
    {
        long lengthBytes = 3L * ExpertChunks<TVector, TElement>.Streams * Math.Max(1, columns) * TElement.Bytes;
        return (int)Math.Max((runLength + MaxChunks - 1) / MaxChunks, Math.Max(1, ChunkBytes / lengthBytes));
    }
}
