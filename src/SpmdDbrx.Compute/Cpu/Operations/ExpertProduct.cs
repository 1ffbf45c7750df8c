namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[outputRow] += weight · expert(input[inputRow]): experts with few tokens at memory speed, the others at arithmetic speed.</summary>
internal static unsafe class ExpertProduct<TVector, TElement, TFormat>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
    where TFormat : struct, ITileFormat
{
    public static void Run(
        ThreadTeam team, SharedTeam? shared, Scratch scratch, ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, RowPointer input, RowPointer output)
    {
        Span<ExpertTokens> few = stackalloc ExpertTokens[assignments.ExpertCount];
        Span<ExpertTokens> many = stackalloc ExpertTokens[assignments.ExpertCount];
        int fewCount = 0;
        int manyCount = 0;
        fixed (int* inputRows = assignments.InputRows, outputRows = assignments.OutputRows)
        fixed (float* weights = assignments.Weights)
        {
            for (int group = 0; group < assignments.ExpertCount; group++)
            {
                int start = assignments.Start(group);
                int count = assignments.Start(group + 1) - start;
                ExpertWeights expert = experts[assignments.Expert(group)];
                RequireShape(expert, experts[assignments.Expert(0)].W1);
                var tokens = new ExpertTokens(
                    new(expert.W1), new(expert.V1), new(expert.W2), inputRows + start, outputRows + start, weights + start, count);
                if (count > ExpertSlice.MaxTokens)
                    many[manyCount++] = tokens;
                else if (count > 0)
                    few[fewCount++] = tokens;
            }
            if (fewCount > 0)
                ExpertDecode<TVector, TElement>.Run(team, shared, scratch, few[..fewCount], input, output);
            if (manyCount > 0 && shared is not null)
                throw new ArgumentException($"RunExperts: expected at most {ExpertSlice.MaxTokens} assignments of an expert for devices that work together, found more");
            if (manyCount > 0)
                ExpertPrefill<TVector, TFormat>.Run(team, scratch, many[..manyCount], input, output);
        }
    }

    /// <summary>Passes are cut alike for all experts, and kernels chosen for one type.</summary>
    private static void RequireShape(in ExpertWeights expert, in WeightMatrix first)
    {
        if (!expert.W1.IsShapedLike(first) || !expert.V1.IsShapedLike(first) || !expert.W2.IsShapedLike(first))
        {
            throw new ArgumentException(
                $"RunExperts: expected w1, v1 and w2 of all experts as [{first.Rows}, {first.Columns}] {first.Type} in {first.StripCount} strips, "
                + $"found {expert.W1.Type} in {expert.W1.StripCount}, {expert.V1.Type} in {expert.V1.StripCount} and {expert.W2.Type} in {expert.W2.StripCount}");
        }
    }
}
