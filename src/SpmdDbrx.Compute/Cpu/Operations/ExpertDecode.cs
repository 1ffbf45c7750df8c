namespace SpmdDbrx.Compute.Cpu;

/// <summary>Experts with few tokens, at memory speed: dot products with w1 and v1, sums over w2 scaled by their gates, and the sums' sum.</summary>
internal static unsafe class ExpertDecode<TVector, TElement>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Floats that devices which run experts together write for each other.</summary>
    public static long SharedFloats(in ExpertWeights expert)
    {
        var tokens = new ExpertTokens(new(expert.W1), new(expert.V1), new(expert.W2), null, null, null, 0);
        var pass = new ExpertPass<TVector, TElement>(null, tokens, null, LaneOrder.Padded<TVector>(expert.W1.Columns), asksAhead: false);
        return FloatsOf(pass);
    }

    /// <summary>output[outputRow] += weight · expert(input[inputRow]) for all tokens of all experts.</summary>
    /// <param name="team">This device's threads.</param>
    /// <param name="shared">With other devices', which are called alike; null = this device runs all.</param>
    /// <param name="scratch">Its memory.</param>
    /// <param name="experts">Experts and their tokens.</param>
    /// <param name="input">[tokens, D].</param>
    /// <param name="output">[output rows, D].</param>
    public static void Run(ThreadTeam team, SharedTeam? shared, Scratch scratch, ReadOnlySpan<ExpertTokens> experts, RowPointer input, RowPointer output)
    {
        int padded = LaneOrder.Padded<TVector>(input.Columns);
        float* arranged = scratch.Inputs.Floats((long)padded * input.Rows);
        for (int row = 0; row < input.Rows; row++)
            LaneOrder.Arrange<TVector, TElement>(input.Row(row), input.Columns, arranged + ((long)row * padded));

        ExpertSlice* slices = stackalloc ExpertSlice[ExpertPass.Tokens];
        var pass = new ExpertPass<TVector, TElement>(slices, experts[0], arranged, padded, asksAhead: shared is not null || team.SharesMemory);
        float* dots = shared is null ? scratch.Results.Floats(FloatsOf(pass)) : shared.Experts(FloatsOf(pass));
        float* sums = dots + (ExpertPass.Tokens * pass.DotsLength);
        int* merged = (int*)(sums + (ExpertPass.Tokens * pass.SumsLength));
        float* threads = scratch.Threads.Floats((long)team.Count * ExpertSums<TVector, TElement>.ThreadFloats(pass));
        for (int expert = 0, start = 0; expert < experts.Length;)
        {
            int sliceCount = 0;
            for (int taken = 0; taken < ExpertPass.Tokens && expert < experts.Length;)
            {
                int count = Math.Min(Math.Min(ExpertSlice.MaxTokens, ExpertPass.Tokens - taken), experts[expert].Count - start);
                slices[sliceCount++] = new ExpertSlice(
                    experts[expert].Slice(start, count), dots + (taken * pass.DotsLength), sums + (taken * pass.SumsLength), merged + (taken * pass.StripCount));
                taken += count;
                start += count;
                if (start == experts[expert].Count)
                    (expert, start) = (expert + 1, 0);
            }
            RunPass(team, shared, pass, threads, sliceCount, output);
        }
    }

    private static void RunPass(ThreadTeam team, SharedTeam? shared, in ExpertPass<TVector, TElement> pass, float* threads, int sliceCount, RowPointer output)
    {
        var dots = new ExpertDots<TVector, TElement>(pass);
        SharedTeam.Run(team, shared, sliceCount * dots.ItemCount, ref dots);
        var sums = new ExpertSums<TVector, TElement>(pass, threads);
        sums.Reset(team.Count);
        SharedTeam.Run(team, shared, sliceCount * sums.ItemCount, ref sums);
        var merge = new ExpertMerge<TVector, TElement>(pass, sliceCount, shared?.Device ?? 0, shared?.Devices ?? 1, output);
        team.Run(merge.ItemCount, ref merge);
    }

    /// <summary>Floats of dot products and sums, and of how many of these are merged.</summary>
    private static long FloatsOf(in ExpertPass<TVector, TElement> pass) => ExpertPass.Tokens * (pass.DotsLength + pass.SumsLength + pass.StripCount);
}
