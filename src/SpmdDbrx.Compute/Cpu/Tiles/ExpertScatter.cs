using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[outputRow] += weight · result of every token of a wave, in their order; an item is a run of columns.</summary>
internal unsafe struct ExpertScatter<TVector>(ExpertGroup* groups, int groupCount, RowPointer output) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>Columns of an item.</summary>
    public const int Columns = 256;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        int column = item * Columns;
        int count = Math.Min(Columns, output.Columns - column);
        for (int index = 0; index < groupCount; index++)
        {
            ExpertTokens tokens = groups[index].Tokens;
            RowPointer results = groups[index].Results;
            for (int token = 0; token < tokens.Count; token++)
                RowMath<TVector>.AddScaled(output.Row(tokens.OutputRows[token]) + column, results.Row(token) + column, tokens.Weights[token], count);
        }
    }
}
