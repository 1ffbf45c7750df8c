namespace SpmdDbrx.Compute.Cpu;

/// <summary>Experts with few tokens: passes of <see cref="ExpertChunks{TVector, TElement}"/> and <see cref="ExpertMerge{TVector, TElement}"/>.</summary>
internal static unsafe class ExpertDecode<TVector, TElement>
    where TVector : struct, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Assignments of one pass: bounds the memory of the chunks' sums.</summary>
    private const int PassAssignments = 16;

    /// <summary>Weight bytes of a chunk where an expert has fewer than <see cref="MaxChunks"/> of them: its sums must cost little beside it.</summary>
    private const long ChunkBytes = 3 << 20;

    /// <summary>Chunks of an expert: many enough to share out evenly.</summary>
    private const int MaxChunks = 32;

    public static void Run(
        ThreadTeam team, ScratchBuffer inputs, ScratchBuffer partials,
        ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, RowPointer input, RowPointer output)
    {
        int padded = LaneOrder.Padded<TVector>(input.Columns);
        float* arranged = inputs.Floats((long)padded * input.Rows);
        for (int row = 0; row < input.Rows; row++)
            LaneOrder.Arrange<TVector, TElement>(input.Row(row), input.Columns, arranged + ((long)row * padded));
        int runLength = experts[assignments.Expert(0)].W1.Rows / ExpertChunks<TVector, TElement>.Streams;
        int chunkLength = ChunkLength(runLength, input.Columns);
        int chunkCount = Math.Max(1, (runLength + chunkLength - 1) / chunkLength);
        float* sums = partials.Floats((long)PassAssignments * chunkCount * padded);
        ExpertSlice* slices = stackalloc ExpertSlice[PassAssignments];
        int sliceCount = 0;
        int passStart = 0;
        int passCount = 0;
        fixed (int* inputRows = assignments.InputRows, outputRows = assignments.OutputRows)
        fixed (float* weights = assignments.Weights)
        {
            for (int group = 0; group < assignments.ExpertCount; group++)
            {
                ExpertWeights expert = experts[assignments.Expert(group)];
                for (int start = assignments.Start(group); start < assignments.Start(group + 1);)
                {
                    int count = Math.Min(Math.Min(ExpertSlice.MaxTokens, PassAssignments - passCount), assignments.Start(group + 1) - start);
                    slices[sliceCount++] = new ExpertSlice(new(expert.W1), new(expert.V1), new(expert.W2), passCount, count);
                    passCount += count;
                    start += count;
                    if (passCount == PassAssignments || start == assignments.Count)
                    {
                        var chunks = new ExpertChunks<TVector, TElement>(slices, chunkCount, chunkLength, arranged, sums, padded, inputRows + passStart);
                        team.Run(sliceCount * chunkCount, ref chunks);
                        var merge = new ExpertMerge<TVector, TElement>(
                            slices, sliceCount, chunkCount, sums, padded, outputRows + passStart, weights + passStart, output);
                        team.Run((padded + ExpertMerge<TVector, TElement>.ItemColumns - 1) / ExpertMerge<TVector, TElement>.ItemColumns, ref merge);
                        passStart += passCount;
                        sliceCount = 0;
                        passCount = 0;
                    }
                }
            }
        }
    }

    /// <summary>Neurons that a chunk takes from each run.</summary>
    private static int ChunkLength(int runLength, int columns)
    {
        long lengthBytes = 3L * ExpertChunks<TVector, TElement>.Streams * Math.Max(1, columns) * TElement.Bytes;
        return (int)Math.Max((runLength + MaxChunks - 1) / MaxChunks, Math.Max(1, ChunkBytes / lengthBytes));
    }
}
