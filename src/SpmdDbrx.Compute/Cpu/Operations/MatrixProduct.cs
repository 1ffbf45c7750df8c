namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t, o] = input[t] · weight[o]: few tokens at memory speed, many at arithmetic speed.</summary>
internal static class MatrixProduct<TVector, TElement, TFormat>
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
    where TFormat : struct, ITileFormat
{
    public static void Run(ThreadTeam team, SharedTeam? shared, Scratch scratch, RowPointer input, WeightPointer weight, RowPointer output)
    {
        if (input.Rows <= ExpertSlice.MaxTokens)
            MatrixVector<TVector, TElement>.Run(team, shared, scratch, input, weight, output);
        else
            MatrixMatrix<TVector, TFormat>.Run(team, scratch, input, weight, output);
    }
}
