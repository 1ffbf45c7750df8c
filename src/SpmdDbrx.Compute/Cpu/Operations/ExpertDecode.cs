namespace SpmdDbrx.Compute.Cpu;

/// <summary>Experts with few tokens, at memory speed: dot products with w1 and v1, their gates, sums over w2, and the sums' sum.</summary>
internal static unsafe class ExpertDecode<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Tokens of one pass: bounds the memory of the chunks' sums.</summary>
    private const int PassTokens = 16;

    /// <summary>output[outputRow] += weight · expert(input[inputRow]) for all tokens of all experts.</summary>
    public static void Run(ThreadTeam team, Scratch scratch, ReadOnlySpan<ExpertTokens> experts, RowPointer input, RowPointer output)
    {
        int padded = LaneOrder.Padded<TVector>(input.Columns);
        float* arranged = scratch.Inputs.Floats((long)padded * input.Rows);
        for (int row = 0; row < input.Rows; row++)
            LaneOrder.Arrange<TVector, TElement>(input.Row(row), input.Columns, arranged + ((long)row * padded));

        ExpertSlice* slices = stackalloc ExpertSlice[PassTokens];
        var pass = new ExpertPass<TVector, TElement>(slices, experts[0], arranged, padded);
        float* dots = scratch.Results.Floats(PassTokens * pass.DotsLength);
        float* sums = scratch.Sums.Floats(PassTokens * pass.SumsLength);
        for (int expert = 0, start = 0; expert < experts.Length;)
        {
            int sliceCount = 0;
            for (int taken = 0; taken < PassTokens && expert < experts.Length;)
            {
                int count = Math.Min(Math.Min(ExpertSlice.MaxTokens, PassTokens - taken), experts[expert].Count - start);
                slices[sliceCount++] = new ExpertSlice(experts[expert].Slice(start, count), dots + (taken * pass.DotsLength), sums + (taken * pass.SumsLength));
                taken += count;
                start += count;
                if (start == experts[expert].Count)
                    (expert, start) = (expert + 1, 0);
            }
            RunPass(team, pass, sliceCount, output);
        }
    }

    private static void RunPass(ThreadTeam team, in ExpertPass<TVector, TElement> pass, int sliceCount, RowPointer output)
    {
        var dots = new ExpertDots<TVector, TElement>(pass);
        team.Run(sliceCount * dots.ItemCount, ref dots);
        var gates = new ExpertGates<TVector, TElement>(pass);
        team.Run(sliceCount * gates.ItemCount, ref gates);
        var sums = new ExpertSums<TVector, TElement>(pass);
        team.Run(sliceCount * sums.ItemCount, ref sums);
        var merge = new ExpertMerge<TVector, TElement>(pass.Slices, sliceCount, pass.ChunkCount, pass.PaddedColumns, output);
        team.Run((pass.PaddedColumns + ExpertMerge<TVector, TElement>.Columns - 1) / ExpertMerge<TVector, TElement>.Columns, ref merge);
    }
}
